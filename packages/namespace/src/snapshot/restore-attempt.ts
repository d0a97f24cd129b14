import type { RestoreAnswer } from '@capsule/protocol'
import { toWireError } from '../to-wire-error.ts'
import { MalformedSnapshot } from './byte-source.ts'

/** One call of `restore`: it is answered once, and goes no further then. */
export class RestoreAttempt {
  #done: ((answer: RestoreAnswer) => void) | undefined

  constructor(done: (answer: RestoreAnswer) => void) {
    this.#done = done
  }

  /** Runs a step, unless it is over. */
  guard(step: () => void): void {
    if (this.#done === undefined) return
    try {
      step()
    } catch (error) {
      this.fail(error)
    }
  }

  fail(error: unknown): void {
    if (error instanceof MalformedSnapshot) this.end({ kind: 'malformed', problem: error.message })
    else this.end({ kind: 'failed', error: toWireError(error) })
  }

  end(answer: RestoreAnswer): void {
    const done = this.#done
    this.#done = undefined
    done?.(answer)
  }
}
