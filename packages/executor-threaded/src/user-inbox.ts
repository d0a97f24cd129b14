import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { load, store, wait } from './atomics.ts'
import type { Harness } from './harness.ts'
import type { Envelope, InboxMessage } from './inbox.ts'
import { type SharedState, word } from './shared-state.ts'

/** What a message leaves to be done once cell code may run (and be terminated) again. */
export type AfterHarness = (() => void) | undefined

/** The user side's end of the mailbox. */
export interface UserInbox {
  /** Takes in what has arrived; if nothing has, blocks this thread until something may have or the time is up. */
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
    // behind a gap stands a message that a termination swallowed: it and all behind it are posted again
    if (sequence !== load(words, word.inboxDone) + 1) return
    try {
      const leftover = handle(inbox)
      if (leftover !== undefined) leftovers.push(leftover)
    } finally {
      store(words, word.inboxDone, sequence)
    }
  }

  /** Says whether anything had arrived. */
  function takeInFrom(first: Envelope | undefined): boolean {
    const hasArrived = harness(() => {
      if (first !== undefined) handleOnce(first)
      let count = first === undefined ? 0 : 1
      // the rest now, so that a cancel behind an execute is known before the cell starts
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        handleOnce(next.message as Envelope)
        count++
      }
      return count > 0
    })
    runLeftovers()
    return hasArrived
  }

  /** One that is terminated leaves those behind it for the next message; one that throws does not. */
  function runLeftovers(): void {
    const leftover = leftovers.shift()
    if (leftover === undefined) return
    try {
      leftover()
    } finally {
      runLeftovers()
    }
  }

  port.on('message', (envelope: Envelope) => void takeInFrom(envelope))
  return {
    waitAndTakeIn(timeoutMs) {
      const wake = load(words, word.wake)
      if (takeInFrom(undefined)) return
      wait(words, word.wake, wake, timeoutMs)
      takeInFrom(undefined)
    },
  }
}
