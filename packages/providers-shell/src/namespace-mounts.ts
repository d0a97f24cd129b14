import { isInside } from './real-path.ts'
import type { TreeCommand } from './process-tree.ts'

/** All that the user may see, or these paths only, read-only. */
export type Mounts = 'host' | { readonly readOnly: readonly string[] }

/** unit: bytes, of the `/tmp` of a command with mounts of its own */
const temporaryBytes = 64 * 1024 * 1024

/** Flags of bubblewrap for what a command sees of the file system. */
export function mountFlags(mounts: Mounts, command?: TreeCommand): string[] {
  if (mounts === 'host') return ['--dev-bind', '/', '/', '--proc', '/proc']
  const { readOnly } = mounts
  const writable = command === undefined ? [] : [command.writable]
  const entries = [
    { at: '/proc', flags: ['--proc', '/proc'] },
    { at: '/dev', flags: ['--dev', '/dev'] },
    { at: '/tmp', flags: ['--size', String(temporaryBytes), '--tmpfs', '/tmp'] },
    ...readOnly.map((at) => ({ at, flags: ['--ro-bind', at, at] })),
    ...writable.map((at) => ({ at, flags: ['--bind', at, at] })),
    ...programPaths([...readOnly, ...writable], command).map((at) => ({
      at,
      flags: ['--ro-bind', command?.realPath ?? at, at],
    })),
  ]
  return [
    // one that is within another comes after it, and is seen
    ...entries.toSorted((a, b) => a.at.length - b.at.length).flatMap(({ flags }) => flags),
    // else both take as much memory as a command writes to them
    '--remount-ro',
    '/dev',
    '--remount-ro',
    '/',
  ]
}

/** Where the program must be shown, as nothing else shows it there. */
function programPaths(shown: readonly string[], command: TreeCommand | undefined): string[] {
  if (command === undefined) return []
  const isShown = (path: string): boolean => shown.some((directory) => isInside(directory, path))
  const [path] = command.argv
  if (!isShown(path)) return [path]
  return isShown(command.realPath) ? [] : [command.realPath]
}
