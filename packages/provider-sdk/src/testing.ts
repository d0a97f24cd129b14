/** Calls a provider in this process as a host would, and the contract that every provider keeps; needs vitest. */
export { callCapability, type CapabilityCallResult } from './contract/call-capability.ts'
export type { CapabilityCallOptions } from './contract/call-request.ts'
export type { CapabilityLogLine } from './contract/capability-call.ts'
export { describeProviderContract } from './contract/describe-provider-contract.ts'
export { createProviderChecks } from './contract/provider-checks.ts'
export type {
  CapabilitySamples,
  DetailedSample,
  NotTried,
  ProviderCheck,
  ProviderContractOptions,
  SampleArguments,
  SampleCall,
} from './contract/provider-contract.ts'
