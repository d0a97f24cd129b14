import { type CapsuleError, coreErrors } from '@capsule/core'
import type { Approval, ApprovalDecision } from './capability-grants.ts'
import { PendingApprovals } from './pending-approvals.ts'

/** What one execution has to do with capability calls: they end when it is stopped, and may wait for a person. */
export class ExecutionCalls {
  readonly #executionId: string
  readonly #approvals = new PendingApprovals()
  readonly #onStop = new Set<(reason: CapsuleError) => void>()
  #isStopped = false

  constructor(executionId: string) {
    this.#executionId = executionId
  }

  /** Calls back when it is stopped, at once if it is already; returns the way to unregister. */
  onStop(listener: (reason: CapsuleError) => void): () => void {
    if (this.#isStopped) listener(this.#stopReason())
    else this.#onStop.add(listener)
    return () => void this.#onStop.delete(listener)
  }

  stop(): void {
    this.#isStopped = true
    const listeners = [...this.#onStop]
    this.#onStop.clear()
    for (const listener of listeners) listener(this.#stopReason())
  }

  /** Rejects when the signal aborts. */
  ask(approval: Approval, signal: AbortSignal): Promise<ApprovalDecision> {
    return this.#approvals.ask(approval, signal)
  }

  isAsking(approvalId: string): boolean {
    return this.#approvals.has(approvalId)
  }

  /** `false`: nobody asks that. */
  decide(approvalId: string, decision: ApprovalDecision): boolean {
    return this.#approvals.decide(approvalId, decision)
  }

  #stopReason(): CapsuleError {
    return coreErrors.CANCELLED({ what: this.#executionId })
  }
}
