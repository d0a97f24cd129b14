import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual(['files', 'filesErrors'])
})

it('keeps its error codes', async () => {
  const { filesErrors } = await import('./index.ts')
  expect(Object.keys(filesErrors).sort()).toEqual([
    'FILES_ACCESS_DENIED',
    'FILES_CHANGED',
    'FILES_CLOSED',
    'FILES_CONFINEMENT_UNAVAILABLE',
    'FILES_EXISTS',
    'FILES_IO_FAILED',
    'FILES_LINK_REFUSED',
    'FILES_MOUNT_REFUSED',
    'FILES_NOT_A_DIRECTORY',
    'FILES_NOT_A_FILE',
    'FILES_NOT_EMPTY',
    'FILES_NOT_FOUND',
    'FILES_NOT_TEXT',
    'FILES_NO_SPACE',
    'FILES_PATH_INVALID',
    'FILES_QUOTA_EXCEEDED',
    'FILES_READ_ONLY',
    'FILES_ROOT_UNKNOWN',
    'FILES_TOO_DEEP',
    'FILES_TOO_LARGE',
    'FILES_TOO_MANY_ENTRIES',
    'FILES_TOO_MANY_STREAMS',
  ])
})
