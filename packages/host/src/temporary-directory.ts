import { rmSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  /** Removes it with all that is in it. */
  remove(): Promise<void>
}

/** An empty directory; it goes with this process if nobody removes it before. */
export async function createTemporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(await realpath(tmpdir()), 'capsule-'))
  const onExit = (): void => rmSync(path, { recursive: true, force: true })
  process.once('exit', onExit)
  return {
    path,
    async remove() {
      process.off('exit', onExit)
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
