import type { Clock } from '@capsule/core'
import {
  type CircuitBreakerPolicy,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  halfJitterGenerator,
  handleAll,
  type IBackoff,
  type IBackoffFactory,
  type IBreaker,
  SamplingBreaker,
} from 'cockatiel'
import type { ResolvedPoolOptions } from './options.ts'
import type { BreakerState } from './pool.ts'
import type { PoolInfo } from './pool-info.ts'

export interface CreationBreakerOptions {
  readonly breaker: ResolvedPoolOptions['breaker']
  readonly clock: Clock
  readonly onChange: (state: BreakerState) => void
}

const historyLimit = 50

/** Says whether a session may be created now; `run` counts how it went. One probe at a time when it was open. */
export class CreationBreaker {
  readonly #policy: CircuitBreakerPolicy
  readonly #options: CreationBreakerOptions
  readonly #history: PoolInfo['breaker']['history'][number][] = []
  #opened = 0
  /** Of Date.now(), which is what the policy goes by. */
  #openUntilMs = 0
  #backoffMs = 0
  #lastError: unknown

  constructor(options: CreationBreakerOptions) {
    this.#options = options
    const { initialBackoffMs: initialDelay, maxBackoffMs: maxDelay } = options.breaker
    const backoff = new ExponentialBackoff({ generator: halfJitterGenerator, initialDelay, maxDelay })
    this.#policy = circuitBreaker(handleAll, {
      breaker: strategyOf(options.breaker),
      halfOpenAfter: new ObservedBackoff(backoff, (durationMs) => (this.#backoffMs = durationMs)),
    })
    this.#policy.onBreak(() => {
      this.#opened++
      this.#openUntilMs = Date.now() + this.#backoffMs
    })
    this.#policy.onStateChange(() => this.#changed())
  }

  get state(): BreakerState {
    switch (this.#policy.state) {
      case CircuitState.Closed:
        return 'closed'
      case CircuitState.HalfOpen:
        return 'half-open'
      case CircuitState.Open:
      case CircuitState.Isolated:
        return 'open'
    }
  }

  /** How long it is open at least; 0 when it is not. */
  get retryAfterMs(): number {
    return this.state === 'open' ? Math.max(0, this.#openUntilMs - Date.now()) : 0
  }

  /** Of two that ask before either runs, both may only when it is closed. */
  get mayRun(): boolean {
    return this.state === 'closed' || (this.state === 'open' && this.retryAfterMs === 0)
  }

  get lastError(): unknown {
    return this.#lastError
  }

  /** Only after `mayRun`. @throws what `create` throws */
  run<T>(create: () => Promise<T>): Promise<T> {
    return this.#policy.execute(async () => {
      try {
        return await create()
      } catch (error) {
        this.#lastError = error
        throw error
      }
    })
  }

  info(): PoolInfo['breaker'] {
    const { state, retryAfterMs } = this
    return { state, ...(state === 'open' && { retryAfterMs }), opened: this.#opened, history: [...this.#history] }
  }

  #changed(): void {
    const { state } = this
    const reason = state === 'open' && this.#lastError instanceof Error ? { reason: this.#lastError.message } : {}
    this.#history.push({ atMs: this.#options.clock.wallTimeMs(), state, ...reason })
    if (this.#history.length > historyLimit) this.#history.shift()
    this.#options.onChange(state)
  }
}

function strategyOf(breaker: ResolvedPoolOptions['breaker']): IBreaker {
  if (breaker.strategy === 'consecutive') return new ConsecutiveBreaker(breaker.failures)
  const { failureRatio, windowMs, minStarts } = breaker
  return new SamplingBreaker({
    threshold: failureRatio,
    duration: windowMs,
    minimumRps: (minStarts / windowMs) * 1000,
  })
}

/** Tells how long each pause will be: the policy keeps that to itself. */
class ObservedBackoff implements IBackoffFactory<unknown> {
  readonly #factory: IBackoffFactory<unknown>
  readonly #tell: (durationMs: number) => void

  constructor(factory: IBackoffFactory<unknown>, tell: (durationMs: number) => void) {
    this.#factory = factory
    this.#tell = tell
  }

  next(context: unknown): IBackoff<unknown> {
    const first = observed(this.#factory.next(context), this.#tell)
    this.#tell(first.duration)
    return first
  }
}

function observed(backoff: IBackoff<unknown>, tell: (durationMs: number) => void): IBackoff<unknown> {
  return {
    duration: backoff.duration,
    next: (context) => {
      const following = observed(backoff.next(context), tell)
      tell(following.duration)
      return following
    },
  }
}
