/** What every Capsule package shares: errors, channels, time, logging, ids, events, and the container for composition roots. */
export { type AbortOptions, throwIfAborted, withAbort } from './abort.ts'
export {
  type Capability,
  capabilityCallOptions,
  capabilityNamePattern,
  isReservedCapabilityName,
  capabilityBody,
  type CapabilityContext,
  type CapabilityLimits,
  type CapabilityProvider,
  type CapabilityReply,
  capabilityReply,
  type Checked,
  isCapabilityReply,
} from './capability-provider.ts'
export { type Channel, type ChannelOptions, createChannel } from './channel.ts'
export { type Clock, sleep, systemClock, type Timer, withDeadline } from './clock.ts'
export { Container, createToken, disposeAll, type Factory, type Token } from './container.ts'
export { coreErrors } from './core-errors.ts'
export {
  CapsuleError,
  defineErrors,
  type ErrorDefinition,
  type ErrorFactory,
  type ErrorTable,
  isCapsuleError,
} from './errors.ts'
export type { EventSource } from './events.ts'
export { createCountingIds, createRandomIds, type IdSource } from './ids.ts'
export { createLogger, type LogFields, type Logger, type LogLevel, silentLogger } from './logger.ts'
