import type { CapsuleError, Clock, Timer } from '@capsule/core'
import type { BudgetAccount } from './budget-account.ts'
import { capabilityErrors } from './errors.ts'
import type { Plan } from './grants.ts'
import type { PolicyRule } from './policy-rule.ts'
import type { CapabilityPorts, CapabilityRequest } from './session-capabilities.ts'
import type { Gate } from './turns.ts'

/** One call on its way: what is known of it, and that it can be aborted wherever it is. */
export class CapabilityCall {
  readonly request: CapabilityRequest
  readonly ports: CapabilityPorts
  readonly plan: Plan
  readonly startedAtMs: number
  input: unknown
  /** The one that allows it, or asks for an approval. */
  rule: PolicyRule | undefined
  /** Undefined until the rules are asked; of a call that is denied too. */
  ruleId: string | undefined
  accounts: readonly BudgetAccount[] = []
  gates: readonly Gate[] = []
  inputBytes: number
  outputBytes = 0
  /** Readable and without secrets; worked out when somebody wants to read it. */
  summary = ''
  /** For the host only. */
  detail: string | undefined
  annotations: Record<string, string | number | boolean> = {}
  /** The handler has it. */
  isMade = false
  /** Its answer stands for good, so that a retry with its key is to get it. */
  isFinal = false
  #aborted: CapsuleError | undefined
  #deadline: Timer | undefined
  #onAbort: ((error: CapsuleError) => void) | undefined

  constructor(request: CapabilityRequest, ports: CapabilityPorts, plan: Plan, startedAtMs: number) {
    this.request = request
    this.ports = ports
    this.plan = plan
    this.startedAtMs = startedAtMs
    this.inputBytes = request.args.length
  }

  get aborted(): CapsuleError | undefined {
    return this.#aborted
  }

  /** The first one counts. */
  abort(error: CapsuleError): void {
    if (this.#aborted !== undefined) return
    this.#aborted = error
    this.#onAbort?.(error)
  }

  /** Of the cell's own `timeoutMs`, if it gives one. */
  startDeadline(clock: Clock): void {
    const { timeoutMs } = this.request
    if (timeoutMs === undefined) return
    const capability = this.plan.name
    const expire = (): void => this.abort(capabilityErrors.CAPABILITY_TIMED_OUT({ capability, timeoutMs }))
    this.#deadline = clock.setTimer(timeoutMs, expire)
  }

  stopDeadline(): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
  }

  /** At most one listener: whoever has the call. */
  onAbort(listener: ((error: CapsuleError) => void) | undefined): void {
    this.#onAbort = listener
  }

  /** Resolves with what `begin` settles with, or with the reason of an abort; what `begin` returns is called then. */
  wait(begin: (settle: (error: CapsuleError | undefined) => void) => () => void): Promise<CapsuleError | undefined> {
    if (this.#aborted !== undefined) return Promise.resolve(this.#aborted)
    return new Promise((resolve) => {
      let stop: (() => void) | undefined
      let isSettled = false
      const settle = (error: CapsuleError | undefined): void => {
        if (isSettled) return
        isSettled = true
        this.#onAbort = undefined
        stop?.()
        resolve(error)
      }
      this.#onAbort = settle
      stop = begin(settle)
      if (isSettled) stop()
    })
  }
}
