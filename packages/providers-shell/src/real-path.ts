import { lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, sep, isAbsolute } from 'node:path'

/** The path of a directory, without links. Throws the system's error, or ENOTDIR. */
export function realDirectory(path: string): string {
  const real = realpathSync(path)
  if (statSync(real).isDirectory()) return real
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' })
}

/** Both without links. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/**
 * The path without links; its last parts need not exist. Undefined where that can't be told: a link to nothing, which
 * could lead anywhere once there is something, or a directory that may not be read.
 */
export function whereItLeads(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) return undefined
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return undefined
    const parent = whereItLeads(dirname(path))
    return parent === undefined ? undefined : join(parent, basename(path))
  }
}
