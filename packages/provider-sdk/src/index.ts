/** Writes capability providers: schemas and handlers in, a provider that any Capsule host can grant out. */
export {
  type CapabilityDefinition,
  defaultCapabilityLimits,
  defineProvider,
  type ProviderDefinition,
} from './define-provider.ts'
export { providerErrors } from './errors.ts'
export { streamable } from './streamable.ts'
// all that a provider needs of core, so that this package is enough
export {
  type Capability,
  capabilityBody,
  type CapabilityContext,
  type CapabilityLimits,
  type CapabilityProvider,
  type CapabilityReply,
  capabilityReply,
  CapsuleError,
  defineErrors,
  isCapsuleError,
} from '@capsule/core'
