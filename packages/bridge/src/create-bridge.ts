import { hash } from 'node:crypto'
import { type AbortOptions, type CapsuleError, throwIfAborted, withAbort, withDeadline } from '@capsule/core'
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
import { type ResolvedBridgeOptions, resolveBridgeOptions } from './bridge-options.ts'
import { Correlation, type CorrelationRequest } from './correlation.ts'
import { bridgeErrors } from './errors.ts'
import { createPromiseIds, type PromiseIds } from './promise-ids.ts'
import { retryingStore } from './retrying-store.ts'
import { createKeepAlive } from './stores/keep-alive.ts'
import { openSettlement, type Settlement, sealSettlement } from './settlement.ts'
import { SettledRecords } from './settled-records.ts'
import type { DurablePromiseStore } from './stores/durable-promise-store.ts'

/** @throws INVALID_OPTIONS, KEY_INVALID */
export function createBridge(options: CreateBridgeOptions): Bridge {
  return new HostBridge(resolveBridgeOptions(options))
}

interface Remembered {
  readonly param: string
  readonly settlement: Settlement<unknown>
}

type State =
  | { readonly name: 'open' }
  | { readonly name: 'closing'; readonly reason: string; readonly closed: Promise<void> }
  | { readonly name: 'closed'; readonly reason: string; readonly closed: Promise<void> }

const always = (): Promise<boolean> => Promise.resolve(true)

class HostBridge implements Bridge {
  readonly ids: PromiseIds
  readonly incarnation: string
  readonly store: DurablePromiseStore
  readonly #options: ResolvedBridgeOptions
  readonly #counters = createCounters()
  /** Those that are pending here, and those that were left and still stop. */
  readonly #correlations = new Map<string, Correlation<unknown>>()
  readonly #remembered: SettledRecords<Remembered>
  readonly #keepAlive = createKeepAlive()
  #state: State = { name: 'open' }
  #pending = 0
  #pendingHighWater = 0
  #onDrained: (() => void) | undefined

  constructor(options: ResolvedBridgeOptions) {
    const { store, clock, namespace, ids, storeRetryMs: retryMs, retention } = options
    this.#options = options
    this.ids = createPromiseIds(namespace)
    this.incarnation = ids.next('bridge')
    this.store = retryingStore(store, { clock, retryMs, onRetry: () => this.#counters.storeRetries++ })
    this.#remembered = new SettledRecords(clock, retention)
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
    const { timeoutMs = this.promiseTimeoutMs } = execution
    return this.#correlate({ ...execution, id: this.ids.execution(key), param, conflict, timeoutMs }, options)
  }

  async ask({ key, n, prompt, ask, ...input }: BridgedInput, options?: AbortOptions): Promise<string | null> {
    const conflict = (recorded: string): CapsuleError =>
      bridgeErrors.REPLAY_DIVERGED({ id: key, n, recorded: promptOf(recorded), asked: prompt })
    const request: CorrelationRequest<string | null> = {
      id: this.ids.input(key, n),
      param: JSON.stringify({ prompt }),
      conflict,
      timeoutMs: input.timeoutMs ?? this.promiseTimeoutMs,
      // a person may not notice that no answer is wanted any more
      send: ask && ((signal) => withAbort(ask(signal), signal, `question ${n} of ${key}`)),
      claim: input.takeOver === true ? always : undefined,
      // a question that could not be asked is still open
      isRetriable: () => true,
    }
    return this.#correlate(request, options, () => this.#counters.replayedInputs++)
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
      send: call.send,
      claim: call.takeOver === true ? always : undefined,
      isRetriable: call.isRetriable,
    }
    return this.#correlate(request, options, () => this.#counters.replayedCalls++)
  }

  async answerInput(key: string, n: number, answer: string | null): Promise<AnsweredInput> {
    this.#assertNotClosed()
    const id = this.ids.input(key, n)
    const settlement = { state: 'resolved', value: answer } as const
    try {
      const running = this.#correlations.get(id)
      const { record, applied } = await (running === undefined
        ? this.store.settle(sealSettlement(id, settlement, this.maxValueBytes))
        : running.settle(settlement))
      const recorded = openSettlement<string | null>(record)
      if (recorded.state === 'resolved') return { applied, answer: recorded.value }
      throw recorded.error
    } catch (error) {
      if (bridgeErrors.PROMISE_NOT_FOUND.is(error)) throw bridgeErrors.INPUT_NOT_ASKED({ id: key, n }, { cause: error })
      throw error
    }
  }

  async cancel(key: string, { reason = 'cancel() was called' }: { reason?: string } = {}): Promise<boolean> {
    this.#assertOpen()
    const id = this.ids.execution(key)
    try {
      const running = this.#correlations.get(id)
      if (running !== undefined) return (await running.settle(cancellation(id, reason))).applied
      return (await this.store.settle(sealSettlement(id, cancellation(id, reason), this.maxValueBytes))).applied
    } catch (error) {
      if (bridgeErrors.PROMISE_NOT_FOUND.is(error)) return false
      throw error
    }
  }

  async cancelAll({ reason = 'cancelAll() was called' }: { reason?: string } = {}): Promise<void> {
    const all = [...this.#correlations.values()].filter(({ isPending }) => isPending)
    const cancelled = all.map(async (each) => {
      const settlement = cancellation(each.request.id, reason)
      // what cannot be recorded is at least not waited for any more
      await each.settle(settlement).catch(() => each.leave(settlement.error))
    })
    await Promise.all(cancelled)
  }

  close({ reason = 'close() was called', drainMs = 0 }: CloseBridgeOptions = {}): Promise<void> {
    if (this.#state.name !== 'open') return this.#state.closed
    const closed = this.#close(reason, drainMs)
    this.#state = { name: 'closing', reason, closed }
    return closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ reason: 'it was disposed' })
  }

  info(): BridgeInfo {
    return {
      state: this.#state.name,
      store: this.store.capabilities.name,
      namespace: this.namespace,
      pending: this.#pending,
      pendingHighWater: this.#pendingHighWater,
      retained: this.#remembered.size,
      counters: { ...this.#counters },
    }
  }

  count(event: 'takenOver' | 'leasesLost'): void {
    this.#counters[event]++
  }

  /** Joins what is under way, or begins it. */
  async #correlate<T>(request: CorrelationRequest<T>, options: AbortOptions = {}, onReplayed?: () => void): Promise<T> {
    throwIfAborted(options.signal, 'a call of the bridge')
    this.#assertNotClosed()
    const { id, param } = request
    for (;;) {
      const remembered = this.#remembered.find(id)
      if (remembered !== undefined) {
        this.#counters.joined++
        if (remembered.param !== param) throw request.conflict(remembered.param)
        onReplayed?.()
        return valueOf(remembered.settlement as Settlement<T>)
      }
      const running = this.#correlations.get(id) as Correlation<T> | undefined
      if (running === undefined) break
      if (running.request.param !== param) throw request.conflict(running.request.param)
      if (running.isPending) {
        this.#counters.joined++
        return running.join(options)
      }
      // it was left a moment ago, and what was sent still stops
      await withAbort(running.ended, options.signal, id)
      this.#assertNotClosed()
    }
    return this.#begin(request, onReplayed).join(options)
  }

  /** @throws BRIDGE_OVERLOADED */
  #begin<T>(request: CorrelationRequest<T>, onReplayed: (() => void) | undefined): Correlation<T> {
    const { maxPending, clock, storeGraceMs, maxValueBytes } = this.#options
    if (this.#pending >= maxPending) {
      this.#counters.overloaded++
      throw bridgeErrors.BRIDGE_OVERLOADED({ pending: this.#pending, maxPending })
    }
    if (this.#pending++ === 0) this.#keepAlive.hold()
    this.#pendingHighWater = Math.max(this.#pendingHighWater, this.#pending)
    const { id, param } = request
    const correlation = new Correlation<T>(request, {
      store: this.store,
      clock,
      counters: this.#counters,
      storeGraceMs,
      maxValueBytes,
      replayed: () => onReplayed?.(),
      closed: (settlement, bytes) => {
        if (--this.#pending === 0) this.#keepAlive.release()
        const forget = (): void => {
          if (this.#correlations.get(id) === correlation) this.#correlations.delete(id)
        }
        if (settlement === undefined) void correlation.ended.then(forget)
        else {
          this.#remembered.add(id, { param, settlement }, bytes)
          forget()
        }
        if (this.#pending === 0) this.#onDrained?.()
      },
    })
    this.#correlations.set(id, correlation as Correlation<unknown>)
    return correlation
  }

  async #close(reason: string, drainMs: number): Promise<void> {
    const { clock, storeGraceMs } = this.#options
    if (this.#pending > 0 && drainMs > 0) {
      const drained = new Promise<void>((resolve) => (this.#onDrained = resolve))
      await withDeadline(drained, { clock, timeoutMs: drainMs, what: 'draining' }).catch(() => {})
    }
    const left = [...this.#correlations.values()]
    for (const each of left) each.leave(bridgeErrors.BRIDGE_CLOSED({ reason }))
    // what was sent is being stopped, and may still be recorded
    const ended = Promise.all(left.map((each) => each.ended))
    await withDeadline(ended, { clock, timeoutMs: storeGraceMs, what: 'ending' }).catch(() => {})
    this.#remembered.clear()
    const closed = this.#state.name === 'open' ? Promise.resolve() : this.#state.closed
    this.#state = { name: 'closed', reason, closed }
  }

  /** What runs still may ask and call while the bridge drains. @throws BRIDGE_CLOSED */
  #assertNotClosed(): void {
    if (this.#state.name === 'closed') throw bridgeErrors.BRIDGE_CLOSED({ reason: this.#state.reason })
  }

  /** @throws BRIDGE_CLOSED */
  #assertOpen(): void {
    if (this.#state.name !== 'open') throw bridgeErrors.BRIDGE_CLOSED({ reason: this.#state.reason })
  }
}

function cancellation(id: string, reason: string): Settlement<never> & { state: 'canceled' } {
  return { state: 'canceled', error: bridgeErrors.PROMISE_CANCELLED({ id, reason }) }
}

function valueOf<T>(settlement: Settlement<T>): T {
  if (settlement.state === 'resolved') return settlement.value
  throw settlement.error
}

function promptOf(param: string): string {
  try {
    return String((JSON.parse(param) as { prompt?: unknown }).prompt)
  } catch {
    return param
  }
}
