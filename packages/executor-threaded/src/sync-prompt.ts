import { type Clock, coreErrors } from '@capsule/core'
import type { InputOptions, InputRequests } from '@capsule/executor'
import type { Engine } from '@capsule/namespace'
import type { InputResponseMessage } from '@capsule/protocol'
import type { UserInbox } from './user-inbox.ts'

/** The blocking `prompt()` of cells. */
export interface SyncPrompt {
  /** @throws INPUT_EOF, TIMED_OUT, CANCELLED, INPUT_OUTSIDE_CELL */
  prompt(text?: string, options?: InputOptions): string
  /** Keeps the answer for the `prompt()` that waits for it; says whether one does. */
  respond(message: InputResponseMessage): boolean
}

export interface SyncPromptOptions {
  readonly input: InputRequests
  readonly engine: Engine
  readonly inbox: UserInbox
  readonly clock: Clock
}

export function createSyncPrompt({ input, engine, inbox, clock }: SyncPromptOptions): SyncPrompt {
  const waiting = new Map<string, InputResponseMessage | undefined>()

  return {
    prompt(text, options) {
      const { executionId, inputId, timeoutMs } = input.open(text, options)
      const deadlineMs = timeoutMs === undefined ? Infinity : clock.now() + timeoutMs
      let cancellation: Error | undefined
      const unregister = engine.onCancel(executionId, (error) => {
        cancellation = error
      })
      waiting.set(inputId, undefined)
      try {
        for (;;) {
          const answer = waiting.get(inputId)
          if (answer !== undefined) return input.take(answer)
          if (cancellation !== undefined) throw cancellation
          const leftMs = deadlineMs - clock.now()
          if (leftMs <= 0) throw coreErrors.TIMED_OUT({ what: 'prompt()', timeoutMs: timeoutMs ?? 0 })
          inbox.waitAndTakeIn(leftMs)
        }
      } finally {
        unregister()
        waiting.delete(inputId)
        input.abandon(inputId)
      }
    },
    respond(message) {
      if (!waiting.has(message.inputId)) return false
      waiting.set(message.inputId, message)
      return true
    },
  }
}
