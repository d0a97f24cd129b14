import type { Clock, Timer } from '@capsule/core'
import type { CancelMessage } from '@capsule/protocol'
import { add, compareExchange, load, notify, store } from './atomics.ts'
import type { Mailbox } from './mailbox.ts'
import { phase, type SharedState, word } from './shared-state.ts'
import type { Terminator } from './terminator.ts'

/** One terminate may not stop a microtask ping-pong, and some natives look for it late: it is asked for again until it holds. */
const repeatMs = 15

/**
 * A thread that has not even taken the cancel message by then is in synchronous code and cannot end cooperatively, so
 * the rest of `cooperativeMs` is not waited for. Where other cells run as well, it may be one of them, which may yet yield.
 */
const unansweredMs = 10

export interface CancelLadder extends Disposable {
  /** Asks the cell to stop; from `cooperativeMs` on terminates it, again and again, until `settled`. Idempotent. */
  cancel(target: Pick<CancelMessage, 'executionId' | 'reason' | 'cooperativeMs'>): void
  /** Terminates whatever keeps the user side from answering, if it still does not after `cooperativeMs`. */
  unblock(options: { cooperativeMs: number }): void
  /** The execution has ended: nothing more is done to it. */
  settled(executionId: string): void
}

export interface CancelLadderOptions {
  readonly shared: SharedState
  readonly mailbox: Mailbox
  readonly terminator: Terminator
  readonly clock: Clock
  /** Takes in all that the user side has committed, so that a terminal message in the ring counts as settled. */
  readonly catchUp: () => void
  readonly onTerminated: () => void
  /** What a termination may hit. @defaultValue only what is cancelled */
  readonly inFlight?: () => Iterable<string>
}

export function createCancelLadder(options: CancelLadderOptions): CancelLadder {
  const { shared, mailbox, terminator, clock, inFlight = () => [] } = options
  const climbs = new Map<string, Timer>()
  const terminate = createTermination(options)
  const unblocker = createUnblocker(options, terminate)

  /** Whether a termination could hit an execution that nobody has cancelled. */
  function hasInnocents(): boolean {
    for (const executionId of inFlight()) if (!climbs.has(executionId)) return true
    return false
  }

  function climb(executionId: string, reason: CancelMessage['reason']): void {
    if (!climbs.has(executionId)) return
    climbs.set(
      executionId,
      clock.setTimer(repeatMs, () => climb(executionId, reason)),
    )
    terminate(
      () => climbs.has(executionId),
      () => {
        const count = load(shared.words, word.terminations)
        mailbox.post({ type: 'terminated', executionId, reason, count })
      },
    )
  }

  return {
    cancel({ executionId, reason, cooperativeMs }) {
      if (climbs.has(executionId)) return
      const sequence = mailbox.post({ type: 'cancel', executionId, reason })
      const firstMs = Math.min(unansweredMs, cooperativeMs)
      const wait = (delayMs: number, then: () => void): void =>
        void climbs.set(executionId, clock.setTimer(delayMs, then))
      const insist = (): void => {
        if (!hasInnocents() || !mailbox.isDone(sequence)) return climb(executionId, reason)
        // the thread answers, so the cells beside it go on unharmed if it only leaves this one behind
        mailbox.post({ type: 'abandon', executionId, reason })
        wait(cooperativeMs, () => climb(executionId, reason))
      }
      wait(firstMs, () => {
        if (mailbox.isDone(sequence) || hasInnocents()) wait(cooperativeMs - firstMs, insist)
        else climb(executionId, reason)
      })
    },
    unblock: ({ cooperativeMs }) => unblocker.unblock(cooperativeMs),
    settled(executionId) {
      climbs.get(executionId)?.cancel()
      climbs.delete(executionId)
    },
    [Symbol.dispose]() {
      for (const timer of climbs.values()) timer.cancel()
      climbs.clear()
      unblocker[Symbol.dispose]()
      terminator[Symbol.dispose]()
    },
  }
}

interface Unblocker extends Disposable {
  unblock(cooperativeMs: number): void
}

function createUnblocker({ mailbox, clock }: CancelLadderOptions, terminate: Terminate): Unblocker {
  let unblocking: Timer | undefined

  function tryUnblock(ping: number): void {
    unblocking = undefined
    if (mailbox.isDone(ping)) return
    unblocking = clock.setTimer(repeatMs, () => tryUnblock(ping))
    // messages are taken in order: while this one waits, no cell posted behind it has started
    terminate(
      () => !mailbox.isDone(ping),
      () => {},
    )
  }

  return {
    unblock(cooperativeMs) {
      if (unblocking !== undefined) return
      const ping = mailbox.post({ type: 'ping' })
      unblocking = clock.setTimer(cooperativeMs, () => tryUnblock(ping))
    },
    [Symbol.dispose]() {
      unblocking?.cancel()
    },
  }
}

type Terminate = (stillWanted: () => boolean, then: () => void) => void

/** Terminates the user side's code if it is in user code and `stillWanted`, one at a time; then calls `then`. */
function createTermination(options: CancelLadderOptions): Terminate {
  const { shared, mailbox, terminator, catchUp, onTerminated } = options
  const { words } = shared
  let isTerminating = false

  function release(): void {
    store(words, word.phase, phase.user)
    notify(words, word.phase)
  }

  return (stillWanted, then) => {
    if (isTerminating) return
    const isUser = compareExchange(words, word.phase, phase.user, phase.terminating) === phase.user
    // the user side can commit nothing final from here on, so what the ring holds now decides; or it is in the harness,
    // which may wait for room
    catchUp()
    if (!isUser) return
    if (!stillWanted()) return release()
    isTerminating = true
    terminator.terminate((error) => {
      isTerminating = false
      if (error === null) add(words, word.terminations, 1)
      release()
      mailbox.repost()
      if (error !== null) return
      onTerminated()
      then()
    })
    // an idle thread notices the request at its next call into JavaScript
    mailbox.post({ type: 'ping' })
  }
}
