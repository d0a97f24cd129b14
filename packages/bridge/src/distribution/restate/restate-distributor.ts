import { throwIfAborted } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'
import { checkDispatch, checkGrace, checkServe } from '../distribution-options.ts'
import type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ServeOptions,
  ServingHost,
} from '../execution-distributor.ts'
import { readAnswer } from '../host-answer.ts'
import { ServedHosts } from '../served-hosts.ts'
import { serveRestateHost } from './restate-host.ts'
import { callRestate } from './restate-call.ts'
import {
  type ResolvedRestateOptions,
  type RestateDistributorOptions,
  resolveRestateOptions,
} from './restate-options.ts'

/**
 * Executions over a Restate server: each is an invocation with its id as idempotency key.
 * @throws INVALID_OPTIONS
 */
export function createRestateDistributor(options: RestateDistributorOptions = {}): ExecutionDistributor {
  return new RestateDistributor(resolveRestateOptions(options))
}

class RestateDistributor implements ExecutionDistributor {
  readonly name = 'restate'
  readonly #options: ResolvedRestateOptions
  readonly #serving = new ServedHosts()
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: ResolvedRestateOptions) {
    this.#options = options
  }

  async dispatch(execution: DispatchedExecution, options: DispatchOptions = {}): Promise<DispatchedOutcome> {
    const place = checkDispatch(execution, options)
    throwIfAborted(options.signal, 'dispatch()')
    this.#assertOpen()
    const signals = [this.#closed.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const signal = AbortSignal.any(signals)
    try {
      return readAnswer(await callRestate(execution, place, { ...this.#options, signal }), execution.id)
    } catch (error) {
      throwIfAborted(options.signal, 'dispatch()')
      this.#assertOpen()
      throw error
    }
  }

  async serve(options: ServeOptions): Promise<ServingHost> {
    const checkedOptions = checkServe(options)
    this.#assertOpen()
    const resolved = { ...this.#options, closed: this.#closed.signal }
    try {
      return await this.#serving.add((onEnded) => serveRestateHost(checkedOptions, resolved, onEnded))
    } catch (error) {
      this.#assertOpen()
      throw error
    }
  }

  async close(options: { graceMs?: number } = {}): Promise<void> {
    const grace = checkGrace('close()', options)
    this.#closing ??= this.#close(grace)
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(options: { graceMs?: number }): Promise<void> {
    this.#closed.abort()
    await this.#serving.shutdown(options)
  }

  /** @throws DISTRIBUTOR_CLOSED */
  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw bridgeErrors.DISTRIBUTOR_CLOSED({ distributor: this.name })
  }
}
