import { compareExchange, store, wait } from './atomics.ts'
import { phase, type SharedState, word } from './shared-state.ts'

/** Runs Capsule's own code on the user side's thread where the control thread may not terminate it. */
export type Harness = <T>(fn: () => T) => T

export function createHarness({ words }: SharedState): Harness {
  return (fn) => {
    for (;;) {
      const was = compareExchange(words, word.phase, phase.user, phase.harness)
      if (was === phase.user) break
      if (was === phase.harness) return fn()
      // a termination is on its way: it unwinds this wait, or is called off and wakes it
      wait(words, word.phase, phase.terminating)
    }
    try {
      return fn()
    } finally {
      store(words, word.phase, phase.user)
    }
  }
}
