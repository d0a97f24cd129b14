import { chownSync } from 'node:fs'
import { mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import type { Logger } from '@capsule/core'
import { shellErrors } from './errors.ts'
import { isInside } from './real-path.ts'
import type { UserIds } from './system-tools.ts'

export interface WorkingDirectory {
  readonly path: string
  /** What the command may write to. */
  readonly writable: string
  /** Removes it if it was made for the call. */
  release(): Promise<void>
}

interface WorkingDirectoryOptions extends UserIds {
  /** Without links. */
  readonly root: string | undefined
  readonly cwd: string | undefined
  readonly logger: Logger
}

/** @throws SHELL_CWD_INVALID */
export async function openWorkingDirectory(options: WorkingDirectoryOptions): Promise<WorkingDirectory> {
  const { root, cwd } = options
  if (root !== undefined) return { path: await insideOf(root, cwd ?? '.'), writable: root, release: async () => {} }
  if (cwd !== undefined)
    throw shellErrors.SHELL_CWD_INVALID({ cwd, rule: 'this host gives commands no root to choose in' })
  return makeTemporary(options)
}

async function makeTemporary({ uid, gid, logger }: WorkingDirectoryOptions): Promise<WorkingDirectory> {
  // `/tmp` may be a link, and the command is told where it is
  const path = await mkdtemp(join(await realpath(tmpdir()), 'capsule-shell-'))
  if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? -1, gid ?? -1)
  const release = async (): Promise<void> => {
    try {
      await rm(path, { recursive: true, force: true })
    } catch (error) {
      // a directory in it may be closed to its own owner
      logger.warn('the working directory of a command could not be removed', { path, error })
    }
  }
  return { path, writable: path, release }
}

async function insideOf(root: string, cwd: string): Promise<string> {
  const refuse = (rule: string): never => {
    throw shellErrors.SHELL_CWD_INVALID({ cwd, rule })
  }
  if (cwd.includes('\0')) refuse('it must not contain NUL')
  if (isAbsolute(cwd)) refuse('it must be relative to the root')
  const wanted = resolve(root, cwd)
  if (!isInside(root, wanted)) refuse('it must stay inside of the root')
  const real = await realpath(wanted).catch(() => undefined)
  const stats = real !== undefined && isInside(root, real) ? await stat(real).catch(() => undefined) : undefined
  // one answer to all, so that a link tells nothing of what is outside
  return real !== undefined && stats?.isDirectory() ? real : refuse('there is no such directory inside of the root')
}
