import type { CapsuleError } from '@capsule/core'
import type { CapabilityManifest, WireError } from '@capsule/protocol'

/** What a session needs of whoever answers the calls of its cells; the broker of the capabilities package is one. */
export interface CapabilityGrants {
  readonly manifest: CapabilityManifest
  /** Tells of each later manifest; returns the way to unregister. */
  onManifest(listener: (manifest: CapabilityManifest) => void): () => void
  /** Never rejects. */
  call(call: CapabilityCall, ports: CapabilityCallPorts): Promise<CapabilityAnswer>
  /** Why the execution may not ask a person now; undefined: it may, and this was one question. */
  askedInput(executionId: string): CapsuleError | undefined
  /** Its calls that were not answered end, and what was counted for it is forgotten. */
  executionEnded(executionId: string): void
}

/** One call as it came from the worker: matched to an execution that runs, and nothing else of it is checked. */
export interface CapabilityCall {
  readonly executionId: string
  readonly callId: string
  readonly capability: string
  /** The array of the arguments as `encodeValue` wrote it. */
  readonly args: Uint8Array
  readonly idempotencyKey?: string | undefined
  readonly timeoutMs?: number | undefined
  readonly body?: AsyncIterable<Uint8Array> | undefined
}

export interface CapabilityCallPorts {
  /** Aborts when the execution is stopped, or the cell does not wait any more. */
  readonly signal: AbortSignal
  /** Asks a person; rejects when the signal aborts. */
  approve(approval: Approval, signal: AbortSignal): Promise<ApprovalDecision>
}

export type CapabilityAnswer =
  | {
      readonly kind: 'value'
      readonly value: Uint8Array
      readonly body?: AsyncIterable<unknown> | undefined
      /** Aborts when the body must not go on, also while nobody reads it; the reason is what the cell is told. */
      readonly signal?: AbortSignal | undefined
    }
  | { readonly kind: 'error'; readonly error: Pick<WireError, 'name' | 'message' | 'code'> }

/** What a person is asked to approve. */
export interface Approval {
  readonly approvalId: string
  readonly callId: string
  readonly capability: string
  /** `read` changes nothing. */
  readonly effect: 'read' | 'write'
  /** One readable line, without secrets. */
  readonly summary: string
  /** The rule of the policy that asks. */
  readonly rule: string
  readonly timeoutMs?: number | undefined
  /** How long a decision may hold at the longest. */
  readonly remember: ApprovalScope
}

export type ApprovalScope = 'call' | 'execution' | 'session'

export interface ApprovalDecision {
  readonly decision: 'approve' | 'deny'
  readonly reason?: string | undefined
  /** For how long it holds for calls of the same rule and capability, as far as the rule allows. @defaultValue what the rule says for an approval, 'call' for a denial */
  readonly remember?: ApprovalScope | undefined
}
