import { notify, store, wait } from './atomics.ts'
import type { Harness } from './harness.ts'
import { type SharedState, word } from './shared-state.ts'

/** How long the end of the process waits for a reader that takes nothing. */
const exitFlushMs = 1000

/**
 * Calls `run` when the process ends by `process.exit()`, after the exit listeners, so that their output counts too. It
 * hooks `process.reallyExit`: internal, but stable and what coverage tools hook as well. `exit` ends the process.
 */
export function beforeReallyExit(run: (exit: () => never) => void): void {
  const guest = process as unknown as { reallyExit: (code?: number) => never }
  const reallyExit = guest.reallyExit
  guest.reallyExit = (code) => {
    const exit = (): never => reallyExit.call(guest, code)
    run(exit)
    return exit()
  }
}

/** Makes `process.exit()` wait until what was printed is on the wire. */
export function flushOnExit({ words }: SharedState, harness: Harness, requestFlush: () => void): void {
  beforeReallyExit((exit) =>
    // a cancel comes too late: the control thread closes the transport behind the flush
    harness(() => {
      requestFlush()
      wait(words, word.flushed, 0, exitFlushMs)
      exit()
    }),
  )
}

/** Lets the process exit: all is on the wire, or the control thread is gone and nothing will be. */
export function releaseExit({ words }: SharedState): void {
  store(words, word.flushed, 1)
  notify(words, word.flushed)
}
