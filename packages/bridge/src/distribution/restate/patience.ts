import type { Clock } from '@capsule/core'
import { defaultShouldRetry, type RetryFailure } from '@restatedev/restate-sdk-clients'

/** A request that was under way for longer had reached the server: only from its end on is the server gone. */
const reachedAfterMs = 1000

/** How long one call goes on asking a server that does not answer. */
export class Patience {
  readonly #clock: Clock
  readonly #unavailableAfterMs: number
  #source: string | undefined
  #sentAtMs = 0
  #goneSinceMs: number | undefined

  constructor({ clock, unavailableAfterMs }: { readonly clock: Clock; readonly unavailableAfterMs: number }) {
    this.#clock = clock
    this.#unavailableAfterMs = unavailableAfterMs
  }

  /** Who failed last, as Restate says: the invocation, which has ended so, or the server. `undefined`: it is not Restate that answered. */
  get source(): string | undefined {
    return this.#source
  }

  fetch(...request: Parameters<typeof fetch>): Promise<Response> {
    this.#sentAtMs = this.#clock.now()
    return fetch(...request)
  }

  /** Whether to ask again after this failure. */
  allows(failure: RetryFailure): boolean {
    this.#source =
      failure.kind === 'response' ? (failure.headers.get('x-restate-error-source') ?? undefined) : undefined
    const nowMs = this.#clock.now()
    const hadReached = nowMs - this.#sentAtMs > reachedAfterMs && !isOfConnecting(failure)
    if (this.#goneSinceMs === undefined || hadReached) this.#goneSinceMs = nowMs
    return defaultShouldRetry(failure) && nowMs - this.#goneSinceMs < this.#unavailableAfterMs
  }
}

/** It may take long to find out, and nothing had reached the server. */
function isOfConnecting(failure: RetryFailure): boolean {
  if (failure.kind !== 'network') return false
  const { cause } = failure.error as { cause?: { code?: string; syscall?: string; errors?: { syscall?: string }[] } }
  const syscalls = [cause, ...(cause?.errors ?? [])].map((error) => error?.syscall)
  return cause?.code === 'UND_ERR_CONNECT_TIMEOUT' || syscalls.includes('connect') || syscalls.includes('getaddrinfo')
}
