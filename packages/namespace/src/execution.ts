import { CapsuleError, coreErrors } from '@capsule/core'
import { clearTimer, type TimerHandle } from './cell-timers.ts'
import type { LateExecutions } from './late-executions.ts'
import { NativeAbortController, NativePromise, promiseOf, SafeSet, thenOf } from './primordials.ts'

/** The time between two resets: the executions of it share one. */
export interface Era {
  isOver: boolean
}

/** One pending guarded await, in a list that costs nothing to leave. */
interface Waiter {
  next: Waiter
  previous: Waiter
  reject: ((error: Error) => void) | undefined
}

/**
 * What code of a cell is caused by: it travels in AsyncLocalStorage and lives as long as such code does, so it holds
 * neither the source nor the value of the cell.
 */
export class Execution {
  readonly id: string
  readonly cell: number
  readonly filename: string
  #timers: SafeSet<TimerHandle> | undefined
  readonly #waiters: Waiter
  #listeners: SafeSet<(error: Error) => void> | undefined
  #controller: AbortController | undefined
  #cancellation: Error | undefined
  #isCancelled = false
  #isOver = false
  readonly #era: Era
  /** Set once it has settled: it goes there whenever something of it is pending. */
  #late: LateExecutions | undefined

  constructor(id: string, cell: number, filename: string, era: Era = { isOver: false }) {
    this.id = id
    this.#era = era
    this.cell = cell
    this.filename = filename
    const end = { reject: undefined } as Waiter
    end.next = end
    end.previous = end
    this.#waiters = end
  }

  /** Set once the execution is cancelled: what its guarded awaits throw. */
  get cancellation(): Error | undefined {
    return this.#cancellation
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new NativeAbortController()
      if (this.#cancellation !== undefined) this.#controller.abort(this.#cancellation)
    }
    return this.#controller.signal
  }

  /** Settles as `value` does, or rejects when the execution is cancelled first. */
  guard(value: unknown): Promise<unknown> {
    const source = promiseOf(value)
    return new NativePromise((resolve, reject) => {
      const end = this.#waiters
      const waiter: Waiter = { next: end, previous: end.previous, reject }
      end.previous.next = waiter
      end.previous = waiter
      this.#late?.add(this)
      const leave = (): void => {
        waiter.next.previous = waiter.previous
        waiter.previous.next = waiter.next
      }
      // `resolve` itself, not a closure around it: V8 then follows the await through it in async stack traces
      void thenOf(thenOf(source, resolve, reject), leave, leave)
    })
  }

  /** @returns the way to unregister */
  onCancel(listener: (error: Error) => void): () => void {
    if (this.#cancellation !== undefined) {
      listener(this.#cancellation)
      return () => {}
    }
    const listeners = (this.#listeners ??= new SafeSet())
    listeners.add(listener)
    this.#late?.add(this)
    return () => {
      listeners.delete(listener)
    }
  }

  /**
   * What a guarded await does first: throws the cancellation of a cancelled execution. One that has settled as cancelled
   * is over, and so is any from before a reset: its code gets a promise that never settles, so that a loop that swallows
   * the cancellation stops for good.
   */
  check(): Promise<never> | undefined {
    if (this.#isOver || this.#era.isOver) return new NativePromise<never>(() => {})
    if (this.#cancellation !== undefined) throw this.#cancellation
    return undefined
  }

  /** Idempotent. Its timers end, pending awaits reject, then the registered listeners run, then those of the signal. */
  cancel(reason: 'cancelled' | 'timed-out'): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    const error = (this.#cancellation ??= cancellationError(reason))
    this.#clearTimers()
    const end = this.#waiters
    for (let waiter = end.next; waiter !== end; waiter = waiter.next) {
      waiter.reject?.(error)
      waiter.reject = undefined
    }
    this.#listeners?.forEach((listener) => listener(error))
    this.#listeners = undefined
    // last: this runs listeners of the cell, which may throw, loop or be terminated
    this.#controller?.abort(error)
  }

  /** After the execution has settled by a cancel or termination: nothing that it left behind goes on. Runs no code of the cell. */
  end(): void {
    this.#isOver = true
    this.#cancellation ??= cancellationError('cancelled')
    this.#clearTimers()
  }

  /** The execution has settled, and its code may go on: what it left behind can be found. */
  settled(late: LateExecutions): void {
    this.#late = late
    if (this.hasPending) late.add(this)
  }

  get hasPending(): boolean {
    return (
      this.#waiters.next !== this.#waiters ||
      (this.#timers?.size ?? 0) > 0 ||
      (this.#listeners?.size ?? 0) > 0 ||
      this.#controller !== undefined
    )
  }

  /** As `cancel`, also for one that has settled or was cancelled before. */
  stop(): void {
    this.cancel('cancelled')
    this.#clearTimers()
  }

  /** Remembers a timer it has set; a cancel clears it. */
  ownTimer(handle: TimerHandle): void {
    // code from before a reset does not get away by another timer
    if (this.#era.isOver) return clearTimer(handle)
    this.#late?.add(this)
    ;(this.#timers ??= new SafeSet()).add(handle)
  }

  /** The timer has fired or was cleared. */
  forgetTimer(handle: TimerHandle): void {
    this.#timers?.delete(handle)
  }

  #clearTimers(): void {
    this.#timers?.forEach(clearTimer)
    this.#timers = undefined
  }
}

function cancellationError(reason: 'cancelled' | 'timed-out'): Error {
  const error =
    reason === 'cancelled'
      ? coreErrors.CANCELLED({ what: 'the execution' })
      : // the engine does not know the deadline, so the table's text does not fit
        new CapsuleError(coreErrors.TIMED_OUT.code, 'the execution took longer than its timeout', {})
  // it is thrown at many places of the cell, never at the one where it was made
  error.stack = `${error.name}: ${error.message}`
  return error
}
