import { type CapsuleError, coreErrors } from '@capsule/core'
import { describe, expect, it } from 'vitest'
import { attempt, attemptAsync, ioError } from './io-error.ts'

const hostPath = '/srv/data/private/a.txt'
const failure = (code: string): Error =>
  Object.assign(new Error(`${code}: something, open '${hostPath}'`), { code, path: hostPath })

describe('what a failed system call is for a cell', () => {
  it.each([
    ['ENOENT', 'FILES_NOT_FOUND'],
    ['ENOTDIR', 'FILES_NOT_A_DIRECTORY'],
    ['EISDIR', 'FILES_NOT_A_FILE'],
    ['ENXIO', 'FILES_NOT_A_FILE'],
    ['ELOOP', 'FILES_LINK_REFUSED'],
    ['EEXIST', 'FILES_EXISTS'],
    ['ENOTEMPTY', 'FILES_NOT_EMPTY'],
    ['EACCES', 'FILES_ACCESS_DENIED'],
    ['EPERM', 'FILES_ACCESS_DENIED'],
    ['EROFS', 'FILES_ACCESS_DENIED'],
    ['ENOSPC', 'FILES_NO_SPACE'],
    ['EDQUOT', 'FILES_NO_SPACE'],
    ['ENAMETOOLONG', 'FILES_PATH_INVALID'],
    ['EILSEQ', 'FILES_PATH_INVALID'],
    ['EMFILE', 'FILES_IO_FAILED'],
    ['EIO', 'FILES_IO_FAILED'],
  ])('%s is %s, and nothing of it names a path of the host', (errno, code) => {
    const error = ioError(failure(errno), 'data:/a.txt', 'reading') as CapsuleError
    expect(error).toMatchObject({ code, details: { path: 'data:/a.txt' } })
    expect(error.message).toMatch(/^data:\/a\.txt: /)
    expect(error.cause).toBeUndefined()
    expect(JSON.stringify(error.details)).not.toContain('/srv')
  })

  it('is itself when it is no error of the system', async () => {
    const bug = new TypeError('a bug')
    const cancelled = coreErrors.CANCELLED({ what: 'the read' })
    const fail = (error: Error) => (): never => {
      throw error
    }
    expect(() => attempt('data:/a', 'reading', fail(bug))).toThrow(bug)
    await expect(attemptAsync('data:/a', 'reading', async () => fail(cancelled)())).rejects.toBe(cancelled)
  })
})
