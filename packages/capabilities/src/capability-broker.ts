import { type Clock, createRandomIds, type IdSource, type Logger, silentLogger, systemClock } from '@capsule/core'
import * as z from 'zod'
import type { AuditSink } from './audit-record.ts'
import { type BrokerLimits, brokerLimitsSchema } from './broker-limits.ts'
import type { CapabilityRegistry } from './capability-registry.ts'
import { checkedOptions } from './checked-options.ts'
import { LiveCapabilities } from './live-capabilities.ts'
import { asPolicy, type PolicyDefinition } from './security-policy.ts'
import type { SessionCapabilities } from './session-capabilities.ts'

export interface CapabilityBrokerOptions {
  readonly registry: CapabilityRegistry
  /** @defaultValue nothing is recorded */
  readonly audit?: AuditSink | undefined
  readonly clock?: Clock | undefined
  /** @defaultValue discards everything */
  readonly logger?: Logger | undefined
  readonly ids?: IdSource | undefined
  /** @defaultValue `defaultBrokerLimits` */
  readonly limits?: Partial<BrokerLimits> | undefined
}

export interface OpenOptions {
  readonly sessionId: string
  readonly policy: PolicyDefinition
}

/** Decides on the calls of cells, and makes those that are allowed. Holds nothing open itself. */
export interface CapabilityBroker {
  /** @throws INVALID_OPTIONS, POLICY_INVALID */
  open(options: OpenOptions): SessionCapabilities
}

const object = <T>(): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'object' && value !== null, 'must be an object')

const brokerOptionsSchema = z.strictObject({
  registry: object<CapabilityRegistry>(),
  audit: object<AuditSink>().optional(),
  clock: object<Clock>().default(systemClock),
  logger: object<Logger>().default(silentLogger),
  ids: object<IdSource>().optional(),
  limits: brokerLimitsSchema,
})

const openOptionsSchema = z.strictObject({
  sessionId: z.string().min(1).max(128),
  policy: object<PolicyDefinition>(),
})

/** @throws INVALID_OPTIONS */
export function createCapabilityBroker(options: CapabilityBrokerOptions): CapabilityBroker {
  const where = 'createCapabilityBroker()'
  const { ids = createRandomIds(), ...parts } = checkedOptions(where, brokerOptionsSchema, options)
  return {
    open(given) {
      const { sessionId, policy } = checkedOptions('open()', openOptionsSchema, given)
      const { registry, audit, clock, logger, limits } = parts
      return new LiveCapabilities({ registry, sessionId, policy: asPolicy(policy), audit, clock, logger, ids, limits })
    },
  }
}
