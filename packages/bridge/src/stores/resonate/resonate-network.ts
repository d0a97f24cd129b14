import type { AbortOptions } from '@capsule/core'

/** The part of Resonate's protocol that promises need. What implements `Network` of `@resonatehq/sdk` 0.11.5 implements this. */
export interface ResonateNetwork {
  /** Where messages for this process go. */
  readonly unicast: string
  init(): Promise<void>
  stop(): Promise<void>
  /** What it rejects with counts as a failure of the connection, except STORE_UNAUTHORIZED. */
  send(request: ResonateRequest, options?: AbortOptions): Promise<ResonateResponse>
  recv(callback: (message: ResonateMessage) => void): void
  /** Calls back when messages may have been lost: waits are registered again. */
  onGap?(callback: () => void): void
}

export interface ResonateValue {
  headers?: Record<string, string>
  /** Base64 of JSON, as the SDK writes it; empty for nothing. */
  data?: unknown
}

export interface ResonatePromise {
  id: string
  state: 'pending' | 'resolved' | 'rejected' | 'rejected_canceled' | 'rejected_timedout'
  param: ResonateValue
  value: ResonateValue
  tags: Record<string, string>
  timeoutAt: number
  createdAt: number
  settledAt?: number
}

interface ResonateHead {
  corrId: string
  version: string
}

export type ResonateRequest =
  | { kind: 'promise.get'; head: ResonateHead; data: { id: string } }
  | {
      kind: 'promise.create'
      head: ResonateHead
      data: { id: string; timeoutAt: number; param: ResonateValue; tags: Record<string, string> }
    }
  | {
      kind: 'promise.settle'
      head: ResonateHead
      data: { id: string; state: 'resolved' | 'rejected' | 'rejected_canceled'; value: ResonateValue }
    }
  | { kind: 'promise.register_listener'; head: ResonateHead; data: { awaited: string; address: string } }

export interface ResonateResponse {
  readonly kind: string
  readonly head: { readonly status: number }
  readonly data: unknown
}

export interface ResonateMessage {
  readonly kind: string
  readonly data: unknown
}

/** The version of the protocol that SDK 0.11.5 speaks. */
export const resonateProtocolVersion = '2026-04-01'
