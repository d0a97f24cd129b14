/** Calls a provider in this process as a host would, and the contract that every provider keeps; needs vitest. */
export { callCapability, type CapabilityCallResult } from './contract/call-capability.ts'
export type { CapabilityCallOptions, CapabilityLogLine } from './contract/capability-call.ts'
