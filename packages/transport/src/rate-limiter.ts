import { type AbortOptions, type Clock, coreErrors, throwIfAborted, type Timer } from '@capsule/core'

export interface RateLimiterOptions {
  readonly ratePerSecond: number
  /** How many tokens can be saved up, and the most that one call may take. */
  readonly burst: number
  readonly clock: Clock
}

/** A token bucket, full at first. */
export interface RateLimiter {
  /** Takes the tokens if they are there and nobody waits for some. @defaultValue 1 */
  tryTake(count?: number): boolean
  /**
   * Waits its turn for the tokens, first come, first served.
   * @throws CANCELLED, INVALID_OPTIONS when the count is over the burst
   */
  take(count?: number, options?: AbortOptions): Promise<void>
}

interface Waiting {
  readonly count: number
  readonly admit: () => void
}

/** @throws INVALID_OPTIONS */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const problems: string[] = []
  if (!(options.ratePerSecond > 0)) problems.push('ratePerSecond must be above 0')
  if (!(options.burst > 0)) problems.push('burst must be above 0')
  if (problems.length > 0) throw coreErrors.INVALID_OPTIONS({ where: 'createRateLimiter', problems })
  return new TokenBucket(options)
}

class TokenBucket implements RateLimiter {
  readonly #options: RateLimiterOptions
  readonly #waiting = new Set<Waiting>()
  #tokens: number
  #countedAtMs: number
  #timer: Timer | undefined

  constructor(options: RateLimiterOptions) {
    this.#options = options
    this.#tokens = options.burst
    this.#countedAtMs = options.clock.now()
  }

  tryTake(count = 1): boolean {
    this.#refill()
    if (this.#waiting.size > 0 || count > this.#tokens) return false
    this.#tokens -= count
    return true
  }

  async take(count = 1, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'waiting for the rate limiter')
    const { burst } = this.#options
    if (!(count <= burst)) {
      const problems = [`${count} tokens are asked for, at most ${burst} can be there`]
      throw coreErrors.INVALID_OPTIONS({ where: 'take', problems })
    }
    if (this.tryTake(count)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { count, admit: resolve }
    const onAbort = (): void => {
      this.#waiting.delete(waiting)
      this.#serve()
      reject(coreErrors.CANCELLED({ what: 'waiting for the rate limiter' }, { cause: signal?.reason }))
    }
    this.#waiting.add(waiting)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#serve()
    await promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  #refill(): void {
    const { ratePerSecond, burst, clock } = this.#options
    const nowMs = clock.now()
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#countedAtMs) / 1000) * ratePerSecond)
    this.#countedAtMs = nowMs
  }

  /** Admits all that can be, and sets the one timer for the next. */
  #serve(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#refill()
    for (const waiting of this.#waiting) {
      const missing = waiting.count - this.#tokens
      // rounding may leave a hair missing, for which a timer would come again and again
      if (missing > 1e-9) {
        const delayMs = Math.ceil((missing / this.#options.ratePerSecond) * 1000)
        this.#timer = this.#options.clock.setTimer(delayMs, () => this.#serve())
        return
      }
      this.#tokens = Math.max(0, -missing)
      this.#waiting.delete(waiting)
      waiting.admit()
    }
  }
}
