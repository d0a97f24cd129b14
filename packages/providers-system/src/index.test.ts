import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual(['system', 'systemErrors'])
})

it('keeps its error codes', async () => {
  const { systemErrors } = await import('./index.ts')
  expect(Object.keys(systemErrors).sort()).toEqual(['SYSTEM_ENVIRONMENT_NOT_GRANTED'])
})
