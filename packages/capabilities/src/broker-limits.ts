import { capabilityLimits, streamLimits } from '@capsule/protocol'
import * as z from 'zod'

/** What one session may keep busy. */
export interface BrokerLimits {
  /** Unit: calls under way or waiting. Threat: a cell that calls without end. */
  readonly pendingCalls: number
  /** Unit: bytes of encoded arguments of those calls. Threat: many waiting calls with large arguments. */
  readonly pendingBytes: number
  /** Unit: approvals asked for at once. Threat: a person who is worn down. */
  readonly pendingApprovals: number
  /** Unit: bytes of one encoded value, whatever `outputBytes` says. Threat: a value that no frame holds. */
  readonly valueBytes: number
  /** Unit: keys whose answers are kept. */
  readonly rememberedKeys: number
  /** Unit: bytes of those answers. A larger answer is not given again, and its call not repeated. */
  readonly rememberedBytes: number
  /** Unit: milliseconds for which an answer is kept. */
  readonly rememberedMs: number
  /** Unit: milliseconds for which a handler that does not end keeps its place after its call has ended. */
  readonly lateHandlerMs: number
}

export const defaultBrokerLimits: BrokerLimits = Object.freeze({
  pendingCalls: capabilityLimits.maxPendingCalls,
  pendingBytes: 64 * 1024 * 1024,
  pendingApprovals: 100,
  valueBytes: streamLimits.valueBytes,
  rememberedKeys: 1000,
  rememberedBytes: 16 * 1024 * 1024,
  rememberedMs: 10 * 60_000,
  lateHandlerMs: 5000,
})

const limitSchema = z.number().positive()
export const brokerLimitsSchema = z
  .strictObject({
    pendingCalls: limitSchema.int().default(defaultBrokerLimits.pendingCalls),
    pendingBytes: limitSchema.default(defaultBrokerLimits.pendingBytes),
    pendingApprovals: limitSchema.int().default(defaultBrokerLimits.pendingApprovals),
    valueBytes: limitSchema.max(streamLimits.valueBytes).default(defaultBrokerLimits.valueBytes),
    rememberedKeys: limitSchema.int().default(defaultBrokerLimits.rememberedKeys),
    rememberedBytes: limitSchema.default(defaultBrokerLimits.rememberedBytes),
    rememberedMs: limitSchema.default(defaultBrokerLimits.rememberedMs),
    lateHandlerMs: limitSchema.default(defaultBrokerLimits.lateHandlerMs),
  })
  .prefault({})
