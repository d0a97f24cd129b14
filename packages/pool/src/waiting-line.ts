import { type AbortOptions, type Clock, coreErrors, type Timer } from '@capsule/core'

/** How a wait ended that got nothing. */
export type WaitFailure = 'timed-out' | 'cancelled' | 'refused'

export interface WaitOptions extends AbortOptions {
  readonly timeoutMs: number
}

export interface WaitingLineOptions {
  readonly clock: Clock
  /** What a wait that took too long is told. */
  readonly timeoutError: () => Error
  readonly onFailed: (failure: WaitFailure) => void
}

interface Waiter<T> {
  readonly sinceMs: number
  readonly leave: () => void
  readonly serve: (value: T) => void
  readonly refuse: (error: unknown, failure: WaitFailure) => void
}

/** Who waits, first come, first served; everyone gets an answer. */
export class WaitingLine<T> {
  readonly #options: WaitingLineOptions
  readonly #waiters = new Set<Waiter<T>>()

  constructor(options: WaitingLineOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiters.size
  }

  /** @throws CANCELLED, and what it is refused with */
  wait({ signal, timeoutMs }: WaitOptions): Promise<T> {
    const { clock, timeoutError, onFailed } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    let timer: Timer | undefined
    const leave = (): void => {
      this.#waiters.delete(waiter)
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const refuse: Waiter<T>['refuse'] = (error, failure) => {
      leave()
      onFailed(failure)
      reject(error)
    }
    const onAbort = (): void =>
      refuse(coreErrors.CANCELLED({ what: 'acquire()' }, { cause: signal?.reason }), 'cancelled')
    const waiter: Waiter<T> = {
      sinceMs: clock.now(),
      leave,
      refuse,
      serve: resolve,
    }
    this.#waiters.add(waiter)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (timeoutMs !== Infinity) timer = clock.setTimer(timeoutMs, () => refuse(timeoutError(), 'timed-out'))
    return promise
  }

  /** Whether somebody waited. */
  serveFirst(value: (waitedMs: number) => T): boolean {
    const [first] = this.#waiters
    if (first === undefined) return false
    // first of all: making the value may tell listeners, who may serve, cancel or refuse whoever waits then
    first.leave()
    first.serve(value(this.#options.clock.now() - first.sinceMs))
    return true
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.refuse(error, 'refused')
  }
}
