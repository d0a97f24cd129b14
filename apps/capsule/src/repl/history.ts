import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const longest = 1000

/** The lines typed in earlier REPLs. */
export interface History {
  /** Newest first, as readline wants them. */
  readonly lines: string[]
  append(line: string): void
}

/** `$XDG_STATE_HOME/capsule/history`, or `~/.capsule_history`. */
export function historyFile(environment: NodeJS.ProcessEnv): string {
  const state = environment['XDG_STATE_HOME']
  return state === undefined || state === '' ? join(homedir(), '.capsule_history') : join(state, 'capsule', 'history')
}

/** History over a file; where that can't be written, only this REPL's own. */
export function openHistory(file: string): History {
  let isWritable = true
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action()
    } catch {
      // a REPL without history is better than none
      isWritable = false
      return undefined
    }
  }
  const stored = readLines(file)
  attempt(() => {
    mkdirSync(dirname(file), { recursive: true })
    // lines are appended one by one, so REPLs side by side keep each other's; now and then the file is cut
    if (stored.length > 2 * longest) writeFileSync(file, `${stored.slice(-longest).join('\n')}\n`, { mode: 0o600 })
  })
  return {
    lines: stored.slice(-longest).reverse(),
    append(line) {
      if (isWritable) attempt(() => appendFileSync(file, `${line}\n`, { mode: 0o600 }))
    },
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}
