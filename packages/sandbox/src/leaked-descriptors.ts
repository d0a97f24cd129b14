import { readdirSync, readFileSync } from 'node:fs'
import type { LaunchStdio } from './isolation-driver.ts'

/** 0 to 4 are the worker's own. */
const firstExtraFd = 5
/** Above it nobody looks: what a process inherits has low numbers, and each look costs 10 us. */
const lastExaminedFd = 1024
/** O_CLOEXEC, as /proc shows it */
const closesOnExec = 0o2000000

/**
 * Descriptors of this process that a child would inherit: those it was started with itself and those of native add-ons.
 * Node opens all of its own with CLOEXEC. Empty elsewhere than on Linux, where nothing tells.
 */
function leakedDescriptors(): number[] {
  return listDescriptors().filter((fd) => {
    if (fd < firstExtraFd || fd > lastExaminedFd) return false
    try {
      const [, flags = ''] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? []
      return (Number.parseInt(flags, 8) & closesOnExec) === 0
    } catch {
      // closed meanwhile, as the one that listed them
      return false
    }
  })
}

function listDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number)
  } catch {
    return []
  }
}

/** `own` from fd 5 on, and an open /dev/null in the place of everything that would be inherited. */
export function shieldedStdio(
  own: readonly LaunchStdio[],
  leaked: readonly number[] = leakedDescriptors(),
): LaunchStdio[] {
  const last = Math.max(firstExtraFd + own.length - 1, ...leaked)
  const shielded = new Set(leaked)
  return Array.from({ length: last - firstExtraFd + 1 }, (_, index): LaunchStdio => {
    return own[index] ?? { type: shielded.has(firstExtraFd + index) ? 'null' : 'none' }
  })
}
