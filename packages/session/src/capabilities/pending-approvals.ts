import { coreErrors } from '@capsule/core'
import type { Approval, ApprovalDecision } from './capability-grants.ts'

/** What one execution waits for a person to approve. */
export class PendingApprovals {
  readonly #pending = new Map<string, (decision: ApprovalDecision) => void>()

  /** Rejects with CANCELLED when the signal aborts; then it is not pending any more. */
  ask({ approvalId, capability }: Approval, signal: AbortSignal): Promise<ApprovalDecision> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#pending.delete(approvalId)
        reject(coreErrors.CANCELLED({ what: `the approval of ${capability}` }, { cause: signal.reason }))
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#pending.set(approvalId, (decision) => {
        signal.removeEventListener('abort', onAbort)
        resolve(decision)
      })
    })
  }

  has(approvalId: string): boolean {
    return this.#pending.has(approvalId)
  }

  /** `false`: it is not pending. */
  decide(approvalId: string, decision: ApprovalDecision): boolean {
    const settle = this.#pending.get(approvalId)
    this.#pending.delete(approvalId)
    settle?.(decision)
    return settle !== undefined
  }
}
