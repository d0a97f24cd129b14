import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '@capsule/core'
import { add, load, notify } from './atomics.ts'
import type { Envelope, InboxMessage } from './inbox.ts'
import { type SharedState, word } from './shared-state.ts'

/** The control thread's way to the user side: numbered messages, kept until they are taken care of. */
export interface Mailbox {
  /** Returns the message's number. */
  post(inbox: InboxMessage): number
  isDone(sequence: number): boolean
  /** Nothing comes of this message any more if it has to be posted again. */
  withdraw(sequence: number): void
  /** After a termination: posts again what it may have swallowed. */
  repost(): void
  /** How long the oldest message has waited to be taken care of. */
  readonly waitingMs: number
}

interface Posted {
  readonly envelope: Envelope
  readonly postedAtMs: number
}

export function createMailbox({ words }: SharedState, port: MessagePort, clock: Clock): Mailbox {
  let sequence = 0
  let waiting: Posted[] = []

  const forgetDone = (): void => {
    const done = load(words, word.inboxDone)
    // nearly always all are done
    if (sequence <= done) waiting.length = 0
    else {
      // the oldest are done first, and a channel can have many on their way
      const doneCount = waiting.findIndex(({ envelope }) => envelope.sequence > done)
      if (doneCount > 0) waiting = waiting.slice(doneCount)
    }
  }
  const send = (envelope: Envelope): void => {
    port.postMessage(envelope)
    add(words, word.wake, 1)
    notify(words, word.wake)
  }
  return {
    post(inbox) {
      forgetDone()
      const envelope = { sequence: ++sequence, inbox }
      waiting.push({ envelope, postedAtMs: clock.now() })
      send(envelope)
      return sequence
    },
    // numbers stay far below 2^31
    isDone: (number) => load(words, word.inboxDone) >= number,
    withdraw(number) {
      waiting = waiting.map((posted) =>
        posted.envelope.sequence === number
          ? { ...posted, envelope: { sequence: number, inbox: { type: 'ping' } } }
          : posted,
      )
    },
    repost() {
      forgetDone()
      for (const { envelope } of waiting) send(envelope)
    },
    get waitingMs() {
      forgetDone()
      const oldest = waiting[0]
      return oldest === undefined ? 0 : clock.now() - oldest.postedAtMs
    },
  }
}
