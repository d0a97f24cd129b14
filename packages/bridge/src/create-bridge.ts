import { hash } from 'node:crypto'
import { type AbortOptions, type CapsuleError, coreErrors, withAbort, withDeadline } from '@capsule/core'
import type { CapabilityAnswer } from '@capsule/session'
import type {
  AnsweredInput,
  Bridge,
  BridgedCall,
  BridgedExecution,
  BridgedInput,
  BridgedOutcome,
  CloseBridgeOptions,
  CreateBridgeOptions,
} from './bridge.ts'
import { type BridgeInfo, createCounters } from './bridge-figures.ts'
import { checkCloseOptions, checkReason, type ResolvedBridgeOptions, resolveBridgeOptions } from './bridge-options.ts'
import type { CorrelationRequest } from './correlation.ts'
import { Correlations } from './correlations.ts'
import { bridgeErrors } from './errors.ts'
import { createPromiseIds, type PromiseIds } from './promise-ids.ts'
import { isAnswer, isBridgedOutcome, isCapabilityAnswer } from './recorded-values.ts'
import { retryingStore } from './retrying-store.ts'
import { createKeepAlive } from './stores/keep-alive.ts'
import { cancellation, openSettlement, sealSettlement, valueOf } from './settlement.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'

/** @throws INVALID_OPTIONS, KEY_INVALID */
export function createBridge(options: CreateBridgeOptions): Bridge {
  return new HostBridge(resolveBridgeOptions(options))
}

type State =
  | { readonly name: 'open' }
  /** Draining: what runs still may ask and call. Ending: what was left stops. */
  | { readonly name: 'draining' | 'ending' | 'closed'; readonly reason: string; readonly closed: Promise<void> }

const always = (): Promise<boolean> => Promise.resolve(true)

class HostBridge implements Bridge {
  readonly ids: PromiseIds
  readonly incarnation: string
  readonly store: DurablePromiseStore
  readonly #options: ResolvedBridgeOptions
  readonly #counters = createCounters()
  readonly #correlations: Correlations
  readonly #keepAlive = createKeepAlive()
  readonly #ending = new AbortController()
  #state: State = { name: 'open' }

  constructor(options: ResolvedBridgeOptions) {
    const { store, clock, namespace, ids, storeRetryMs: retryMs } = options
    this.#options = options
    this.ids = createPromiseIds(namespace)
    this.incarnation = ids.next('bridge')
    const onRetry = (): number => this.#counters.storeRetries++
    this.store = retryingStore(store, { clock, retryMs, keepAlive: this.#keepAlive, onRetry })
    this.#correlations = new Correlations({
      ...options,
      store: this.store,
      counters: this.#counters,
      keepAlive: this.#keepAlive,
      ending: this.#ending.signal,
    })
  }

  get namespace(): string {
    return this.#options.namespace
  }
  get clock(): ResolvedBridgeOptions['clock'] {
    return this.#options.clock
  }
  get logger(): ResolvedBridgeOptions['logger'] {
    return this.#options.logger
  }
  get promiseTimeoutMs(): number {
    return this.#options.promiseTimeoutMs
  }
  get storeGraceMs(): number {
    return this.#options.storeGraceMs
  }
  get maxValueBytes(): number {
    return this.#options.maxValueBytes
  }

  async execute({ key, fingerprint, ...execution }: BridgedExecution, options?: AbortOptions): Promise<BridgedOutcome> {
    this.#assertOpen()
    const conflict = (): CapsuleError => bridgeErrors.EXECUTION_CONFLICT({ id: key })
    const param = JSON.stringify({ fingerprint })
    const { timeoutMs = this.promiseTimeoutMs, onSettled, onEnded } = execution
    const request: CorrelationRequest<BridgedOutcome> = {
      ...execution,
      id: this.ids.execution(key),
      param,
      conflict,
      timeoutMs,
      isValue: isBridgedOutcome,
      onSettled: this.#harmless(onSettled),
      onEnded: this.#harmless(onEnded),
    }
    return this.#correlations.join(request, options)
  }

  async ask({ key, n, prompt, ask, ...input }: BridgedInput, options?: AbortOptions): Promise<string | null> {
    const conflict = (recorded: string): CapsuleError =>
      bridgeErrors.REPLAY_DIVERGED({ id: key, n, recorded: promptOf(recorded), asked: prompt })
    const what = `question ${n} of ${key}`
    const request: CorrelationRequest<string | null> = {
      id: this.ids.input(key, n),
      param: JSON.stringify({ prompt }),
      conflict,
      timeoutMs: input.timeoutMs ?? this.promiseTimeoutMs,
      isValue: isAnswer,
      // a person may not notice that no answer is wanted any more
      send: ask && (async (signal) => checkedAnswer(await withAbort(ask(signal), signal, what), what)),
      claim: input.takeOver === true ? always : undefined,
      // a question that could not be asked is still open
      isRetriable: () => true,
    }
    return this.#correlations.join(request, options, () => this.#counters.replayedInputs++)
  }

  async call(
    { key, callKey, capability, args, ...call }: BridgedCall,
    options?: AbortOptions,
  ): Promise<CapabilityAnswer> {
    const id = this.ids.call(key, callKey)
    const request: CorrelationRequest<CapabilityAnswer> = {
      id,
      param: JSON.stringify({ capability, args: hash('sha256', args, 'base64url') }),
      conflict: () => bridgeErrors.CALL_CONFLICT({ id, capability }),
      timeoutMs: call.timeoutMs ?? this.promiseTimeoutMs,
      isValue: isCapabilityAnswer,
      send: call.send,
      claim: call.takeOver === true ? always : undefined,
      isRetriable: call.isRetriable,
    }
    return this.#correlations.join(request, options, () => this.#counters.replayedCalls++)
  }

  async answerInput(key: string, n: number, answer: string | null): Promise<AnsweredInput> {
    this.#assertNotClosed()
    const id = this.ids.input(key, n)
    const settlement = { state: 'resolved', value: checkedAnswer(answer, `question ${n} of ${key}`) } as const
    try {
      const running = this.#correlations.find(id)
      const { record, applied } = await (running === undefined
        ? this.store.settle(sealSettlement(id, settlement, this.maxValueBytes))
        : running.settle(settlement))
      return { applied, answer: valueOf(openSettlement(record, isAnswer)) }
    } catch (error) {
      if (bridgeErrors.PROMISE_NOT_FOUND.is(error)) throw bridgeErrors.INPUT_NOT_ASKED({ id: key, n }, { cause: error })
      throw error
    }
  }

  async cancel(key: string, options: { reason?: string } = {}): Promise<boolean> {
    const { reason = 'cancel() was called' } = checkReason('cancel()', options)
    this.#assertOpen()
    const id = this.ids.execution(key)
    try {
      const running = this.#correlations.find(id)
      if (running !== undefined) return (await running.settle(cancellation(id, reason))).applied
      return (await this.store.settle(sealSettlement(id, cancellation(id, reason), this.maxValueBytes))).applied
    } catch (error) {
      if (bridgeErrors.PROMISE_NOT_FOUND.is(error)) return false
      throw error
    }
  }

  async cancelAll(options: { reason?: string } = {}): Promise<void> {
    const { reason = 'cancelAll() was called' } = checkReason('cancelAll()', options)
    const all = this.#correlations.list().filter(({ isPending }) => isPending)
    const cancelled = all.map(async (each) => {
      const settlement = cancellation(each.request.id, reason)
      // what cannot be recorded is at least not waited for any more
      await each.settle(settlement).catch(() => each.leave(settlement.error))
    })
    await Promise.all(cancelled)
  }

  close(options: CloseBridgeOptions = {}): Promise<void> {
    if (this.#state.name !== 'open') return this.#state.closed
    const { promise: closed, resolve, reject } = Promise.withResolvers<void>()
    try {
      const { reason = 'close() was called', drainMs = 0 } = checkCloseOptions(options)
      this.#state = { name: 'draining', reason, closed }
      this.#close({ reason, closed }, drainMs).then(resolve, reject)
    } catch (error) {
      reject(error)
    }
    return closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ reason: 'it was disposed' })
  }

  info(): BridgeInfo {
    const { name } = this.#state
    return {
      state: name === 'draining' || name === 'ending' ? 'closing' : name,
      store: this.store.capabilities.name,
      namespace: this.namespace,
      ...this.#correlations.figures,
      counters: { ...this.#counters },
    }
  }

  count(event: 'takenOver' | 'leasesLost'): void {
    this.#counters[event]++
  }

  async #close(closing: { reason: string; closed: Promise<void> }, drainMs: number): Promise<void> {
    const { clock, storeGraceMs } = this.#options
    this.#keepAlive.hold()
    if (this.#correlations.figures.pending > 0 && drainMs > 0) {
      const drained = this.#correlations.drained()
      await withDeadline(drained, { clock, timeoutMs: drainMs, what: 'draining' }).catch(() => {})
    }
    this.#state = { ...closing, name: 'ending' }
    this.#ending.abort(bridgeErrors.BRIDGE_CLOSED({ reason: closing.reason }))
    const left = this.#correlations.list()
    for (const each of left) each.leave(bridgeErrors.BRIDGE_CLOSED({ reason: closing.reason }))
    // what was sent is being stopped, and may still be recorded
    const ended = Promise.all(left.map((each) => each.ended))
    await withDeadline(ended, { clock, timeoutMs: storeGraceMs, what: 'ending' }).catch(() => {})
    this.#correlations.forget()
    this.#state = { ...closing, name: 'closed' }
    this.#keepAlive.release()
    this.#keepAlive.close()
  }

  /** @throws BRIDGE_CLOSED */
  #assertNotClosed(): void {
    if (this.#state.name === 'closed') throw bridgeErrors.BRIDGE_CLOSED({ reason: this.#state.reason })
  }

  /** @throws BRIDGE_CLOSED */
  #assertOpen(): void {
    if (this.#state.name !== 'open') throw bridgeErrors.BRIDGE_CLOSED({ reason: this.#state.reason })
  }

  /** What the caller's function throws must not keep those who wait from being told. */
  #harmless(told: (() => void) | undefined): (() => void) | undefined {
    if (told === undefined) return undefined
    return () => {
      try {
        told()
      } catch (error) {
        this.logger.warn('a callback of bridge.execute() threw', { error })
      }
    }
  }
}

/** What is recorded is given to each attempt that follows, so it must be right before. @throws INVALID_OPTIONS */
function checkedAnswer(answer: unknown, what: string): string | null {
  if (isAnswer(answer)) return answer
  const problems = [`must be a string, or null for the end of the input: ${typeof answer}`]
  throw coreErrors.INVALID_OPTIONS({ where: `the answer to ${what}`, problems })
}

function promptOf(param: string): string {
  try {
    return String((JSON.parse(param) as { prompt?: unknown }).prompt)
  } catch {
    return param
  }
}
