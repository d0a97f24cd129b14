import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** USER_HZ: what the kernel shows times in, on every architecture that Node runs on */
const ticksPerSecond = 100
// fields of /proc/<pid>/stat behind the name of the program
const field = { utime: 11, stime: 12 } as const
// unit: bytes; both files are far shorter
const longestFile = 1024

/** What the kernel says of one process. */
export interface ProcessFigures extends Disposable {
  /** Resident memory, what it shares with others included. `undefined`: the process is gone. */
  rssBytes(): number | undefined
  /** CPU time of all of its threads so far, those that have ended included. `undefined`: the process is gone. */
  cpuMs(): number | undefined
}

/**
 * Looks at a process through files that stay open, so that another process which gets its pid is never taken for it.
 * Linux only. @throws what `open` throws
 */
export function openProcessFigures(pid: number): ProcessFigures {
  const statm = openProcessFile(pid, 'statm')
  const stat = openProcessFile(pid, 'stat')
  const pageBytes = systemPageBytes()
  return {
    rssBytes() {
      const pages = statm.read()?.split(' ')[1]
      return pages === undefined ? undefined : Number(pages) * pageBytes
    },
    cpuMs() {
      const text = stat.read()
      if (text === undefined) return undefined
      // the name may hold blanks and brackets itself
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return ((Number(fields[field.utime]) + Number(fields[field.stime])) * 1000) / ticksPerSecond
    },
    [Symbol.dispose]() {
      statm.close()
      stat.close()
    },
  }
}

interface ProcessFile {
  readonly read: () => string | undefined
  readonly close: () => void
}

function openProcessFile(pid: number, name: 'stat' | 'statm'): ProcessFile {
  const fd = openSync(`/proc/${pid}/${name}`, 'r')
  const buffer = Buffer.alloc(longestFile)
  return {
    read() {
      try {
        return buffer.toString('latin1', 0, readSync(fd, buffer, 0, longestFile, 0))
      } catch {
        return undefined
      }
    },
    close: () => closeSync(fd),
  }
}

/** Node does not tell, but knows its own memory in bytes where the kernel says pages; both at about the same time. */
function systemPageBytes(): number {
  const pages = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1])
  return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages))
}
