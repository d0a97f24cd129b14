import type { CapsuleError } from '@capsule/core'
import type { CapabilityCall } from './capability-call.ts'

// unit: ids of executions that have ended, so that a late call does not begin their budgets anew
const rememberedExecutions = 1000

/** The calls of one session that are under way or wait. */
export class CallTracker {
  readonly #calls = new Set<CapabilityCall>()
  readonly #bySignal = new Map<AbortSignal, { readonly calls: Set<CapabilityCall>; readonly abort: () => void }>()
  readonly #endedExecutions = new Set<string>()
  readonly #errorOf: (call: CapabilityCall) => CapsuleError
  #bytes = 0

  /** `errorOf`: what a call ends with that its cell no longer wants. */
  constructor(errorOf: (call: CapabilityCall) => CapsuleError) {
    this.#errorOf = errorOf
  }

  get count(): number {
    return this.#calls.size
  }

  /** Of their encoded arguments. */
  get bytes(): number {
    return this.#bytes
  }

  add(call: CapabilityCall): void {
    this.#calls.add(call)
    this.#bytes += call.request.args.length
    this.#watch(call)
  }

  remove(call: CapabilityCall): void {
    if (!this.#calls.delete(call)) return
    this.#bytes -= call.request.args.length
    const { signal } = call.ports
    const watched = this.#bySignal.get(signal)
    watched?.calls.delete(call)
    if (watched?.calls.size !== 0) return
    signal.removeEventListener('abort', watched.abort)
    this.#bySignal.delete(signal)
  }

  abortWhere(isMeant: (call: CapabilityCall) => boolean, errorOf = this.#errorOf): void {
    for (const call of this.#calls) if (isMeant(call)) call.abort(errorOf(call))
  }

  endExecution(executionId: string): void {
    this.#endedExecutions.add(executionId)
    if (this.#endedExecutions.size > rememberedExecutions) {
      const [oldest] = this.#endedExecutions
      this.#endedExecutions.delete(oldest as string)
    }
    // what was answered is the cell's: it may read the body of a reply later
    this.abortWhere(({ request, isFinal }) => request.executionId === executionId && !isFinal)
  }

  hasEnded(executionId: string): boolean {
    return this.#endedExecutions.has(executionId)
  }

  /** One listener for all calls of a signal: many of them make each call slower, and Node warns of them. */
  #watch(call: CapabilityCall): void {
    const { signal } = call.ports
    const watched = this.#bySignal.get(signal)
    if (watched !== undefined) {
      watched.calls.add(call)
      return
    }
    const calls = new Set([call])
    const abort = (): void => {
      for (const each of calls) each.abort(this.#errorOf(each))
    }
    this.#bySignal.set(signal, { calls, abort })
    signal.addEventListener('abort', abort, { once: true })
  }
}
