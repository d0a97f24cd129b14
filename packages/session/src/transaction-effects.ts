import type { InputRequestMessage } from '@capsule/protocol'
import type { TransactionEffect } from './outcome.ts'

/** Unit: effects. Threat: a cell that asks without end. */
const effectsLimit = 1000

/** What a cell did that no rollback takes back. */
export class TransactionEffects {
  readonly #effects = new Map<string, TransactionEffect>()

  get list(): readonly TransactionEffect[] {
    return [...this.#effects.values()]
  }

  asked({ inputId, prompt }: InputRequestMessage): void {
    if (this.#effects.size < effectsLimit)
      this.#effects.set(inputId, { type: 'input', inputId, prompt, isAnswered: false })
  }

  called({ callId, capability }: { callId: string; capability: string }): void {
    if (this.#effects.size < effectsLimit)
      this.#effects.set(callId, { type: 'capability', callId, capability, outcome: 'pending' })
  }

  callEnded(callId: string, outcome: 'ok' | 'error'): void {
    const effect = this.#effects.get(callId)
    if (effect?.type === 'capability') this.#effects.set(callId, { ...effect, outcome })
  }

  answered(inputId: string): void {
    const effect = this.#effects.get(inputId)
    if (effect?.type === 'input') this.#effects.set(inputId, { ...effect, isAnswered: true })
  }
}
