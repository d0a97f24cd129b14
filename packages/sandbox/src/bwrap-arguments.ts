import { basename } from 'node:path'
import type { SharedLibrary } from './shared-libraries.ts'
import type { SystemUser } from './unprivileged-user.ts'

export interface BwrapArgumentsOptions {
  /** A real path. */
  readonly nodePath: string
  readonly libraries: readonly SharedLibrary[]
  /** Real paths; inside they lie in one folder. */
  readonly entryFiles: readonly string[]
  readonly user: SystemUser
  readonly tmpLimitBytes: number
  /** Where the seccomp program is read from. */
  readonly seccompFd: number
}

/** Inside the sandbox. */
export const nodeInside = '/node'
const directoryInside = '/tmp'
export const fileInside = (path: string): string => `/capsule/${basename(path)}`

/**
 * The arguments of bubblewrap up to `--`: namespaces of every kind, no capability, and a file system with nothing in it
 * but Node, its libraries and the worker. The two `--remount-ro` are what keeps a worker from filling memory through
 * /, /dev and /dev/shm.
 */
export function bwrapArguments(options: BwrapArgumentsOptions): string[] {
  const { nodePath, libraries, entryFiles, user, tmpLimitBytes, seccompFd } = options
  return [
    ['--unshare-user', '--unshare-all', '--disable-userns'],
    ['--uid', String(user.uid), '--gid', String(user.gid), '--cap-drop', 'ALL'],
    ['--die-with-parent', '--new-session', '--hostname', 'capsule'],
    ['--ro-bind', nodePath, nodeInside],
    ...libraries.map(({ path, realPath }) => ['--ro-bind', realPath, path]),
    ...entryFiles.map((path) => ['--ro-bind', path, fileInside(path)]),
    // without it process.memoryUsage() throws
    ['--proc', '/proc', '--dev', '/dev'],
    ['--size', String(tmpLimitBytes), '--tmpfs', directoryInside],
    ['--remount-ro', '/dev', '--remount-ro', '/'],
    ['--chdir', directoryInside, '--seccomp', String(seccompFd)],
  ].flat()
}
