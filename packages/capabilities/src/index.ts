/** What cells may reach, decided by the host: capability registry, security policy, broker, audit. */
export type { ArgumentPattern } from './argument-pattern.ts'
export type { AuditRecord, AuditSink, CallOutcome, DecisionOutcome } from './audit-record.ts'
export { type BrokerLimits, defaultBrokerLimits } from './broker-limits.ts'
export {
  type CapabilityBroker,
  type CapabilityBrokerOptions,
  createCapabilityBroker,
  type OpenOptions,
} from './capability-broker.ts'
export { inputCapability } from './capability-pattern.ts'
export { type CapabilityRegistry, createCapabilityRegistry, type FoundCapability } from './capability-registry.ts'
export { diffPolicies, type PolicyDifference } from './diff-policies.ts'
export { capabilityErrors } from './errors.ts'
export type { AskedCall, ConsideredRule, Explanation } from './explanation.ts'
export { createJsonLinesAudit, type JsonLinesAudit, type JsonLinesAuditOptions } from './json-lines-audit.ts'
export { createMemoryAudit, type MemoryAudit, type MemoryAuditOptions } from './memory-audit.ts'
export type { ApprovalScope, Budget, CallBudget, PolicyRule, RuleLimits } from './policy-rule.ts'
export { policies, policyFor } from './predefined-policies.ts'
export { definePolicy, type PolicyChanges, type PolicyDefinition, type SecurityPolicy } from './security-policy.ts'
export type {
  ApprovalDecision,
  ApprovalRequest,
  CapabilitiesInfo,
  CapabilityAnswer,
  CapabilityAnswerError,
  CapabilityPorts,
  CapabilityRequest,
  SessionCapabilities,
} from './session-capabilities.ts'
