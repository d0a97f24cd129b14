import {
  createCapabilityBroker,
  createCapabilityRegistry,
  type AuditSink,
  type PolicyDefinition,
  policyFor,
  type SessionCapabilities,
} from '@capsule/capabilities'
import type { CapabilityProvider, Clock, IdSource, Logger } from '@capsule/core'

export interface SessionGrantsOptions {
  readonly sessionId: string
  readonly providers: readonly CapabilityProvider[]
  readonly policy: PolicyDefinition | undefined
  /** Taken away from the start. */
  readonly revoked: readonly string[]
  readonly audit: AuditSink | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly ids: IdSource
}

/** What one session may call: all of its providers, unless a policy says what of them. @throws PROVIDER_CONFLICT, PROVIDER_UNSUPPORTED, POLICY_INVALID */
export function openGrants({
  sessionId,
  providers,
  policy,
  revoked,
  audit,
  ...parts
}: SessionGrantsOptions): SessionCapabilities {
  const registry = createCapabilityRegistry(providers)
  const broker = createCapabilityBroker({ registry, audit, ...parts })
  const grants = broker.open({ sessionId, policy: policy ?? policyFor(providers) })
  for (const name of revoked) grants.revoke(name)
  return grants
}
