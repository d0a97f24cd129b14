import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Harness } from './harness.ts'
import type { Envelope, InboxMessage } from './inbox.ts'
import { type SharedState, word } from './shared-state.ts'

/** What a message leaves to be done once cell code may run (and be terminated) again. */
export type AfterHarness = (() => void) | undefined

/** The user side's end of the mailbox. */
export interface UserInbox {
  /** Takes in what has arrived without returning to the event loop. */
  takeIn(): void
  /** Blocks this thread until something may have arrived or the time is up, then takes it in. */
  waitAndTakeIn(timeoutMs: number): void
}

/** Handles each message once, inside the harness, in order; then runs what they left to be done. */
export function createUserInbox(
  { words }: SharedState,
  port: MessagePort,
  harness: Harness,
  handle: (inbox: InboxMessage) => AfterHarness,
): UserInbox {
  const leftovers: (() => void)[] = []

  function handleOnce({ sequence, inbox }: Envelope): void {
    if (sequence <= Atomics.load(words, word.inboxDone)) return
    const leftover = handle(inbox)
    if (leftover !== undefined) leftovers.push(leftover)
    Atomics.store(words, word.inboxDone, sequence)
  }

  function takeInFrom(first: Envelope | undefined): void {
    harness(() => {
      if (first !== undefined) handleOnce(first)
      // the rest now, so that a cancel behind an execute is known before the cell starts
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        handleOnce(next.message as Envelope)
      }
    })
    for (let leftover = leftovers.shift(); leftover !== undefined; leftover = leftovers.shift()) leftover()
  }

  port.on('message', (envelope: Envelope) => takeInFrom(envelope))
  return {
    takeIn: () => takeInFrom(undefined),
    waitAndTakeIn(timeoutMs) {
      const wake = Atomics.load(words, word.wake)
      const next = receiveMessageOnPort(port)
      if (next !== undefined) return takeInFrom(next.message as Envelope)
      Atomics.wait(words, word.wake, wake, timeoutMs)
      takeInFrom(undefined)
    },
  }
}
