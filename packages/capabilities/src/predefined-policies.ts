import type { CapabilityProvider } from '@capsule/core'
import { inputCapability } from './capability-pattern.ts'
import type { PolicyRule } from './policy-rule.ts'
import { definePolicy, type SecurityPolicy } from './security-policy.ts'

const askPerson: PolicyRule = { id: 'ask-person', effect: 'allow', capability: inputCapability }

const sandbox = definePolicy({ name: 'sandbox', rules: [] })

const restricted = sandbox.extend({
  name: 'restricted',
  rules: [
    askPerson,
    {
      id: 'read-files',
      effect: 'allow',
      capability: ['files.read', 'files.readStream', 'files.list', 'files.stat', 'files.info'],
    },
  ],
})

const standard = restricted.extend({
  name: 'standard',
  rules: [
    {
      id: 'write-files',
      effect: 'allow',
      capability: ['files.write', 'files.append', 'files.mkdir', 'files.remove'],
    },
    {
      id: 'read-http',
      effect: 'allow',
      capability: 'http.fetch',
      when: { method: { in: ['GET', 'HEAD', 'OPTIONS'] } },
    },
  ],
  names: { fetch: 'http.fetch' },
})

const trusted = standard.extend({
  name: 'trusted',
  rules: [
    { id: 'all-http', effect: 'allow', capability: 'http.*' },
    { id: 'read-system', effect: 'allow', capability: 'system.*' },
    {
      id: 'run-commands',
      effect: 'approve',
      capability: 'shell.*',
      reason: 'a command is run on the machine of the host',
    },
  ],
})

const unrestricted = trusted.extend({
  name: 'unrestricted',
  rules: [{ id: 'everything', effect: 'allow', capability: '*' }],
})

/**
 * From nothing to everything, each one built on the one before: `sandbox` (output only), `restricted` (input, reading
 * files), `standard` (writing files, HTTP that changes nothing), `trusted` (all HTTP, system facts, commands that a person
 * approves), `unrestricted`. They grant what a registered provider has; its own options limit it further.
 */
export const policies: Readonly<
  Record<'sandbox' | 'restricted' | 'standard' | 'trusted' | 'unrestricted', SecurityPolicy>
> = Object.freeze({ sandbox, restricted, standard, trusted, unrestricted })

/** What a session gets that lists providers and no policy: all that these have, and asking a person. */
export function policyFor(providers: readonly CapabilityProvider[]): SecurityPolicy {
  const rules = providers.map(({ name, capabilities }): PolicyRule => ({
    id: `provider-${name}`.slice(0, 64),
    effect: 'allow',
    capability: Object.keys(capabilities).map((key) => `${name}.${key}`),
  }))
  return definePolicy({ name: 'granted', rules: [askPerson, ...rules] })
}
