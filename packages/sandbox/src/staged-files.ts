import { constants } from 'node:fs'
import { chmod, copyFile, link, mkdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { coreErrors } from '@capsule/core'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { isEnterableByAll, isReadableByAll, type SystemUser } from './unprivileged-user.ts'

// per process: a copy serves all sessions, and goes when the process does
const stages = new Map<number, Promise<string>>()
const staged = new Map<string, Promise<string[]>>()

/**
 * Real paths of files that the worker's user can read. Where a root host keeps them in a folder that is closed to
 * others (under /root, say), these are hard links or copies in a temporary directory.
 * @throws INVALID_OPTIONS for a file that is not there
 */
export async function readablePaths(files: readonly string[], user: SystemUser | undefined): Promise<string[]> {
  const paths = await Promise.all(files.map(existingPath))
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

async function existingPath(file: string): Promise<string> {
  try {
    return await realpath(file)
  } catch (cause) {
    const problem = `the worker needs ${file}, which cannot be found or read`
    throw coreErrors.INVALID_OPTIONS({ where: 'the start of a worker', problems: [problem] }, { cause })
  }
}

/** On the file system of what is put there, if possible: then nothing is copied. */
async function createStage(device: number): Promise<string> {
  const parents: { path: string; isNear: boolean }[] = []
  for (const path of [tmpdir(), '/tmp', '/var/tmp']) {
    const isUsable = await isEnterableByAll(await realpath(path)).catch(() => false)
    if (isUsable) parents.push({ path, isNear: (await stat(path)).dev === device })
  }
  // with none left the trial of the driver fails, and says why
  const { path: parent } = parents.find(({ isNear }) => isNear) ?? parents[0] ?? { path: tmpdir() }
  return (await createTemporaryDirectory({ mode: 0o755, parent })).path
}

async function putOnStage(paths: readonly string[], name: string): Promise<string[]> {
  const { dev } = await stat(paths[0] ?? '/')
  const stage = stages.get(dev) ?? createStage(dev)
  stages.set(dev, stage)
  const folder = join(await stage, name)
  await mkdir(folder)
  // whatever the umask is
  await chmod(folder, 0o755)
  return Promise.all(
    paths.map(async (path) => {
      const copy = join(folder, basename(path))
      const isLinkable = ((await stat(path)).mode & 0o004) !== 0
      if (isLinkable && (await link(path, copy).then(isDone, isNot))) return copy
      await copyFile(path, copy, constants.COPYFILE_FICLONE)
      await chmod(copy, 0o755)
      return copy
    }),
  )
}

const isDone = (): boolean => true
const isNot = (): boolean => false
