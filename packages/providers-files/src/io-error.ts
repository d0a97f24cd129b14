import { isCapsuleError } from '@capsule/core'
import { filesErrors } from './errors.ts'

/**
 * What a failed system call is for the cell. The original error is not kept as the cause: its message holds paths of the
 * host, and causes cross the wire.
 */
export function ioError(error: unknown, path: string, doing: string): unknown {
  if (isCapsuleError(error)) return error
  const reason = codeOf(error)
  switch (reason) {
    case undefined:
      return error
    case 'ENOENT':
      return filesErrors.FILES_NOT_FOUND({ path })
    case 'ENOTDIR':
      return filesErrors.FILES_NOT_A_DIRECTORY({ path })
    case 'EISDIR':
      return filesErrors.FILES_NOT_A_FILE({ path, kind: 'directory' })
    // a socket, or a FIFO that nobody reads
    case 'ENXIO':
      return filesErrors.FILES_NOT_A_FILE({ path, kind: 'special file' })
    case 'ELOOP':
      return filesErrors.FILES_LINK_REFUSED({ path, kind: 'symbolic link' })
    case 'EEXIST':
      return filesErrors.FILES_EXISTS({ path })
    case 'ENOTEMPTY':
      return filesErrors.FILES_NOT_EMPTY({ path })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return filesErrors.FILES_ACCESS_DENIED({ path, reason })
    case 'ENOSPC':
    case 'EDQUOT':
      return filesErrors.FILES_NO_SPACE({ path, reason })
    case 'ENAMETOOLONG':
      return filesErrors.FILES_PATH_INVALID({ path, problem: 'has a name that is too long for this file system' })
    case 'EILSEQ':
      return filesErrors.FILES_PATH_INVALID({ path, problem: 'has a name that this file system does not take' })
    default:
      return filesErrors.FILES_IO_FAILED({ path, doing, reason })
  }
}

/** Of an error of a system call, `ENOENT` or such. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** Runs system calls on what the cell calls `path`. @throws FILES_... */
export function attempt<T>(path: string, doing: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw ioError(error, path, doing)
  }
}

export async function attemptAsync<T>(path: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw ioError(error, path, doing)
  }
}
