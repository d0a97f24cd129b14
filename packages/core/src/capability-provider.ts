import type { Logger } from './logger.ts'

/**
 * Version 1 of what a host expects of whoever implements capabilities. `defineProvider` of `@capsule/provider-sdk` makes
 * one from schemas; whoever writes one by hand implements this.
 */
export interface CapabilityProvider {
  /** The first half of the names of its capabilities: `files` of `files.read`. Letters, digits and `_`. */
  readonly name: string
  readonly specificationVersion: 'v1'
  /** By the second half of their names. */
  readonly capabilities: Readonly<Record<string, Capability>>
  /** What must not be seen outside of the host, by name; asked for at each use. */
  readonly secrets: Readonly<Record<string, () => string>>
  /** Ends what it holds open. Called once, when nothing of it runs any more. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface Capability {
  /** One sentence, for docs and for the person who approves a call. */
  readonly summary: string
  /** What it does to the world; `read` changes nothing. */
  readonly effect: 'read' | 'write'
  /** The fields of the input that the first arguments of a cell's call are; a last argument that is an object holds the others. */
  readonly positional: readonly string[]
  /** The field of the input that a cell may stream: it holds `capabilityBody` then, and `context.body` the bytes. */
  readonly bodyField?: string | undefined
  /** `body`: the reply comes with a stream. `response`: that, and status and headers as `fetch` has them. */
  readonly returns: 'value' | 'body' | 'response'
  readonly limits: CapabilityLimits
  /** JSON Schema, for docs and tools. */
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema: Readonly<Record<string, unknown>>
  checkInput(input: unknown): Checked
  /** Of the value of a reply, without its body. */
  checkOutput(output: unknown): Checked
  /** One readable line of what a checked input asks for, without secrets. */
  describeCall(input: unknown): string
  /** The value, or a `capabilityReply`. What it throws reaches the cell with its code if it is a CapsuleError, else as CAPABILITY_FAILED. */
  invoke(input: unknown, context: CapabilityContext): unknown
}

export type Checked =
  | { readonly isValid: true; readonly value: unknown }
  /** Each names the field and what to change. */
  | { readonly isValid: false; readonly problems: readonly string[] }

/** What one call may take; a grant can only lower it. */
export interface CapabilityLimits {
  readonly timeoutMs: number
  /** Of the encoded arguments, and of a streamed body. */
  readonly inputBytes: number
  /** Of the encoded value, and of the body. */
  readonly outputBytes: number
  /** Calls of one session that run at once; more wait for their turn. */
  readonly concurrent: number
}

export interface CapabilityContext {
  /** `files.read` */
  readonly capability: string
  readonly sessionId: string
  readonly executionId: string
  readonly callId: string
  /** Aborts when the cell is cancelled, the time is up or the session ends: the handler must end soon after. */
  readonly signal: AbortSignal
  /** What this call may take, with the grant's limits applied. */
  readonly limits: CapabilityLimits
  readonly logger: Logger
  readonly secrets: Readonly<Record<string, string>>
  /** The cell's idempotency key: retries of the same call bring the same one. */
  readonly idempotencyKey?: string | undefined
  /** What the cell streams. It ends with an error beyond `limits.inputBytes`. */
  readonly body?: AsyncIterable<Uint8Array> | undefined
  /** Adds facts to the audit record of this call; secrets are taken out of them. */
  annotate(this: void, facts: Readonly<Record<string, string | number | boolean>>): void
}

const replyMark = Symbol.for('capsule.capability-reply')

/** A value with a stream behind it: bytes, or any values that `encodeValue` carries. */
export interface CapabilityReply {
  readonly value: unknown
  /** Read as the cell reads it, within the limits of the call; left early when the cell is cancelled. */
  readonly body: AsyncIterable<unknown>
}

export function capabilityReply(value: unknown, body: AsyncIterable<unknown>): CapabilityReply {
  return Object.freeze({ [replyMark]: true, value, body })
}

/** Recognises one made by another copy of this package too. */
export function isCapabilityReply(value: unknown): value is CapabilityReply {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[replyMark] === true
}

/** Stands in a checked input for what the cell streams: `context.body` has it. It never crosses the wire. */
export const capabilityBody: unique symbol = Symbol.for('capsule.capability-body') as never

/** Half a name: letters, digits and `_`, not first a digit, at most 64. */
export const capabilityNamePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** `caps.files.then` would make a promise of `caps.files`; the others are what every object has. */
export function isReservedCapabilityName(name: string): boolean {
  return name === 'then' || name === 'toJSON' || name === 'prototype' || name in Object.prototype
}

/** Options of every call beside its input: no field of an input may have these names. */
export const capabilityCallOptions: ReadonlySet<string> = new Set(['signal', 'idempotencyKey', 'timeoutMs'])
