import { constants } from 'node:fs'
import { copyFile, link, mkdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { isEnterableByAll, isReadableByAll, type SystemUser } from './unprivileged-user.ts'

// per process: a copy serves all sessions, and goes when the process does
let stage: Promise<string> | undefined
const staged = new Map<string, Promise<string[]>>()

/**
 * Real paths of files that the worker's user can read. Where a root host keeps them in a folder that is closed to
 * others (under /root, say), these are hard links or copies in a temporary directory.
 */
export async function readablePaths(files: readonly string[], user: SystemUser | undefined): Promise<string[]> {
  const paths = await Promise.all(files.map((file) => realpath(file)))
  if (user === undefined || (await Promise.all(paths.map(isReadableByAll))).every(Boolean)) return paths
  const changes = await Promise.all(paths.map(async (path) => `${path} ${(await stat(path)).mtimeMs}`))
  const key = changes.join('\n')
  const found = staged.get(key)
  if (found !== undefined) return found
  const putting = putOnStage(paths, String(staged.size))
  staged.set(key, putting)
  putting.catch(() => staged.delete(key))
  return putting
}

async function createStage(): Promise<string> {
  const parents: string[] = []
  for (const parent of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await isEnterableByAll(await realpath(parent)).catch(() => false)) parents.push(parent)
  }
  // with none left the trial of the driver fails, and says why
  const { path } = await createTemporaryDirectory({ mode: 0o755, parent: parents[0] ?? tmpdir() })
  return path
}

async function putOnStage(paths: readonly string[], name: string): Promise<string[]> {
  stage ??= createStage()
  const folder = join(await stage, name)
  await mkdir(folder, { mode: 0o755 })
  return Promise.all(
    paths.map(async (path) => {
      const copy = join(folder, basename(path))
      // a link costs nothing, but does not reach over file systems, nor help where the file itself is closed
      const isLinkable = ((await stat(path)).mode & 0o004) !== 0
      if (!isLinkable || !(await link(path, copy).then(isDone, isNot)))
        await copyFile(path, copy, constants.COPYFILE_FICLONE)
      return copy
    }),
  )
}

const isDone = (): boolean => true
const isNot = (): boolean => false
