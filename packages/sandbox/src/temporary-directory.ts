import { rmSync } from 'node:fs'
import { chmod, chown, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  /** Removes it with all that is in it. Idempotent. */
  remove(): Promise<void>
}

export interface TemporaryDirectoryOptions {
  /** Whose it is. @defaultValue this process's user */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** @defaultValue 0o700 */
  readonly mode?: number
  /** Where it is made. @defaultValue the system's directory for such */
  readonly parent?: string
}

/** An empty directory; it goes with this process if nobody removes it before. */
export async function createTemporaryDirectory({
  owner,
  mode,
  parent = tmpdir(),
}: TemporaryDirectoryOptions = {}): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(await realpath(parent), 'capsule-'))
  const onExit = (): void => rmSync(path, { recursive: true, force: true })
  process.once('exit', onExit)
  if (mode !== undefined) await chmod(path, mode)
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
  return {
    path,
    async remove() {
      process.off('exit', onExit)
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
