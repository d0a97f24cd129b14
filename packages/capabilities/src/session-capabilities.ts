import type { CapsuleError } from '@capsule/core'
import type { CapabilityManifest } from '@capsule/protocol'
import type { CallOutcome, DecisionOutcome } from './audit-record.ts'
import type { AskedCall, Explanation } from './explanation.ts'
import type { ApprovalScope } from './policy-rule.ts'
import type { PolicyDefinition, SecurityPolicy } from './security-policy.ts'

/** What one session may call. It lives in the host: nothing that a worker sends can widen it. */
export interface SessionCapabilities {
  readonly sessionId: string
  readonly policy: SecurityPolicy
  /** The names that `revoke` has taken away since this policy came. */
  readonly revoked: readonly string[]
  /** What some rule could allow; what is not in it is not there for cells. */
  readonly manifest: CapabilityManifest
  /** Called with each new manifest. The result ends it. */
  onManifest(listener: (manifest: CapabilityManifest) => void): () => void
  /** Makes a call, or says why not. Never rejects. */
  call(request: CapabilityRequest, ports: CapabilityPorts): Promise<CapabilityAnswer>
  /** Whether cells may ask a person by `input()` and `prompt()`. */
  readonly grantsInput: boolean
  /** Takes one `input()` out of the budget; the error says why the person must not be asked. */
  askedInput(executionId: string): CapsuleError | undefined
  /** Aborts the calls of the execution that are not answered (bodies go on), and forgets its budgets and approvals; calls in its name are refused from now on. */
  executionEnded(executionId: string): void
  /**
   * Replaces the policy and what was revoked; approvals are forgotten, budgets go on by the id of their rule. Calls under way
   * that the new one does not allow end with CAPABILITY_REVOKED. @throws POLICY_INVALID
   */
  setPolicy(policy: PolicyDefinition): void
  /** Takes capabilities away (`files.write`, `files.*`): calls under way end with CAPABILITY_REVOKED. @throws INVALID_OPTIONS */
  revoke(pattern: string): void
  /** As `policy.explain`, with what was revoked. */
  explain(call: AskedCall): Explanation
  info(): CapabilitiesInfo
  /** Aborts all calls and refuses new ones. Idempotent. */
  close(): void
}

/** A call as the worker sends it. */
export interface CapabilityRequest {
  readonly executionId: string
  readonly callId: string
  readonly capability: string
  /** An array of the positional arguments, written by `encodeValue`. */
  readonly args: Uint8Array
  readonly idempotencyKey?: string | undefined
  /** For its turn and its run together; not for a person's approval. Lowers the limit of the capability. */
  readonly timeoutMs?: number | undefined
  /** What the cell streams; left early when the call ends. */
  readonly body?: AsyncIterable<Uint8Array> | undefined
}

/** What a call needs of the session. */
export interface CapabilityPorts {
  /** Aborts when the cell is cancelled or withdraws the call. */
  readonly signal: AbortSignal
  /** Asks a person; the signal aborts when the answer is no longer needed. */
  approve(this: void, approval: ApprovalRequest, signal: AbortSignal): Promise<ApprovalDecision>
}

export type CapabilityAnswer =
  | {
      readonly kind: 'value'
      /** Written by `encodeValue`; whole. */
      readonly value: Uint8Array
      /** To be read once; leaving it early ends the call. It fails with the error that the cell is to get. */
      readonly body?: AsyncIterable<unknown> | undefined
      /** Of the body: aborts, with what the cell is to get, when the call ends before it, also while nobody reads. */
      readonly signal?: AbortSignal | undefined
    }
  | { readonly kind: 'error'; readonly error: CapabilityAnswerError }

/** Without secrets, stack and cause: all of it is for the cell. */
export interface CapabilityAnswerError {
  readonly name: string
  readonly message: string
  readonly code: string
}

export interface ApprovalRequest {
  readonly approvalId: string
  readonly executionId: string
  readonly callId: string
  readonly capability: string
  /** What the call would do, in one line without secrets; at most 500 UTF-16 units. */
  readonly summary: string
  readonly rule: string
  /** `read` changes nothing. */
  readonly effect: 'read' | 'write'
  readonly timeoutMs?: number | undefined
  /** How long an approval may hold at the longest. */
  readonly remember: ApprovalScope
}

export interface ApprovalDecision {
  readonly decision: 'approve' | 'deny'
  /** Told to the cell if it is denied. */
  readonly reason?: string | undefined
  /**
   * How long the decision holds for calls of this capability under this rule, at most as long as the rule says.
   * @defaultValue what the rule says for an approval, 'call' for a denial
   */
  readonly remember?: ApprovalScope | undefined
}

/** Counts since the session was opened, and what is there now. */
export interface CapabilitiesInfo {
  readonly policy: string
  readonly calls: number
  readonly decisions: Readonly<Record<DecisionOutcome, number>>
  readonly outcomes: Readonly<Record<CallOutcome, number>>
  readonly inputBytes: number
  readonly outputBytes: number
  /** Calls under way or waiting. */
  readonly pending: number
  /** Calls that wait for their turn. */
  readonly waiting: number
  readonly pendingApprovals: number
  readonly rememberedKeys: number
  /** Handlers that still run after their call has ended. */
  readonly lateHandlers: number
}
