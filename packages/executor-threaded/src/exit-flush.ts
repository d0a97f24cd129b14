import { type SharedState, word } from './shared-state.ts'

/** How long the end of the process waits for a reader that takes nothing. */
const exitFlushMs = 1000

/**
 * Makes `process.exit()` wait until what was printed is on the wire. It hooks `process.reallyExit`, which Node calls
 * behind the exit listeners, so their output counts too.
 */
export function flushOnExit({ words }: SharedState, requestFlush: () => void): void {
  // not in the types: internal, but stable and what coverage tools hook as well
  const exiting = process as unknown as { reallyExit: (code?: number) => never }
  const reallyExit = exiting.reallyExit
  exiting.reallyExit = (code) => {
    requestFlush()
    Atomics.wait(words, word.flushed, 0, exitFlushMs)
    return reallyExit.call(process, code)
  }
}
