import type { Stats } from 'node:fs'
import { filesErrors } from '../errors.ts'
import type { RootRules } from './root.ts'

/** What an entry is to cells. `link`: symbolic, or a file with other names where hard links are refused. */
export type EntryType = 'file' | 'directory' | 'link' | 'other'

export function entryTypeOf(stats: Stats, { hardLinks }: RootRules): EntryType {
  if (stats.isSymbolicLink()) return 'link'
  if (stats.isDirectory()) return 'directory'
  if (!stats.isFile()) return 'other'
  return stats.nlink > 1 && hardLinks === 'refuse' ? 'link' : 'file'
}

/** @throws FILES_LINK_REFUSED, FILES_NOT_A_DIRECTORY, FILES_MOUNT_REFUSED */
export function checkDirectory(stats: Stats, path: string, device: number, rules: RootRules): void {
  if (stats.isSymbolicLink()) throw filesErrors.FILES_LINK_REFUSED({ path, kind: 'symbolic link' })
  if (!stats.isDirectory()) throw filesErrors.FILES_NOT_A_DIRECTORY({ path })
  checkDevice(stats, path, device, rules)
}

/** @throws FILES_LINK_REFUSED, FILES_NOT_A_FILE, FILES_MOUNT_REFUSED */
export function checkFile(stats: Stats, path: string, device: number, rules: RootRules): void {
  if (entryTypeOf(stats, rules) === 'link') {
    const kind = stats.isSymbolicLink() ? 'symbolic link' : `hard link (one of ${stats.nlink} names of the file)`
    throw filesErrors.FILES_LINK_REFUSED({ path, kind })
  }
  if (!stats.isFile()) throw filesErrors.FILES_NOT_A_FILE({ path, kind: kindOf(stats) })
  checkDevice(stats, path, device, rules)
}

function checkDevice(stats: Stats, path: string, device: number, { mounts }: RootRules): void {
  if (stats.dev !== device && mounts === 'refuse') throw filesErrors.FILES_MOUNT_REFUSED({ path })
}

export function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'directory'
  if (stats.isFIFO()) return 'FIFO'
  if (stats.isSocket()) return 'socket'
  if (stats.isSymbolicLink()) return 'symbolic link'
  return stats.isFile() ? 'file' : 'device'
}
