import { readdirSync, readFileSync } from 'node:fs'

const closeOnExec = 0o2000000

/**
 * File descriptors above 2 that this process got from who started it and that every child would get too: Node opens its
 * own with close-on-exec, and cannot set it on others. Linux only; elsewhere nothing can be told.
 */
export function findInheritedFds(): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2 && isInherited(fd))
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
    return flags !== undefined && (parseInt(flags, 8) & closeOnExec) === 0
  } catch {
    // it was the one for reading the directory
    return false
  }
}
