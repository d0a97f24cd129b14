import {
  type Capability,
  capabilityCallOptions,
  type CapabilityLimits,
  capabilityNamePattern,
  isReservedCapabilityName,
} from '@capsule/core'
import { inputCapability } from './capability-pattern.ts'

const methods = ['checkInput', 'checkOutput', 'describeCall', 'invoke'] as const
const limitNames: readonly (keyof CapabilityLimits)[] = ['timeoutMs', 'inputBytes', 'outputBytes', 'concurrent']

/** What keeps this from being a provider, with the field first; empty if it is one. */
export function checkProvider(provider: unknown): string[] {
  if (typeof provider !== 'object' || provider === null) return ['provider: must be an object']
  const { name, specificationVersion, capabilities, secrets } = provider as Record<string, unknown>
  const problems: string[] = []
  if (specificationVersion !== 'v1') return [`specificationVersion: must be 'v1', not ${String(specificationVersion)}`]
  if (!isName(name)) problems.push('name: must be letters, digits and _, at most 64, and nothing that every object has')
  else if (inputCapability.startsWith(`${String(name)}.`)) problems.push(`name: '${String(name)}' is Capsule's own`)
  if (typeof (provider as Partial<AsyncDisposable>)[Symbol.asyncDispose] !== 'function') {
    problems.push('[Symbol.asyncDispose]: must be a function')
  }
  if (!isRecord(secrets)) problems.push('secrets: must be an object')
  else {
    for (const [key, secret] of Object.entries(secrets)) {
      if (typeof secret !== 'function') problems.push(`secrets.${key}: must be a function`)
    }
  }
  if (!isRecord(capabilities) || Object.keys(capabilities).length === 0) {
    return [...problems, 'capabilities: must be an object that holds at least one']
  }
  for (const [key, capability] of Object.entries(capabilities)) {
    if (!isName(key))
      problems.push(
        `capabilities.${key}: a name must be letters, digits and _, at most 64, and nothing that every object has`,
      )
    problems.push(...checkCapability(capability).map((problem) => `capabilities.${key}.${problem}`))
  }
  return problems
}

function checkCapability(capability: unknown): string[] {
  if (!isRecord(capability)) return ['must be an object']
  const { summary, effect, positional, bodyField, returns, limits } = capability as Partial<Capability>
  const problems: string[] = methods
    .filter((method) => typeof capability[method] !== 'function')
    .map((method) => `${method}: must be a function`)
  if (typeof summary !== 'string') problems.push('summary: must be a string')
  if (!['read', 'write'].includes(effect as string)) problems.push("effect: must be 'read' or 'write'")
  if (!['value', 'body', 'response'].includes(returns as string)) {
    problems.push("returns: must be 'value', 'body' or 'response'")
  }
  if (!Array.isArray(positional) || !positional.every(isField)) {
    problems.push(`positional: must be names of fields, and none of ${[...capabilityCallOptions].join(', ')}`)
  }
  if (bodyField !== undefined && !isField(bodyField)) problems.push('bodyField: must be the name of a field')
  for (const limit of limitNames) {
    const value: unknown = isRecord(limits) ? limits[limit] : undefined
    if (!(typeof value === 'number' && value > 0)) problems.push(`limits.${limit}: must be a number above 0`)
  }
  return problems
}

const isName = (name: unknown): boolean =>
  typeof name === 'string' && capabilityNamePattern.test(name) && !isReservedCapabilityName(name)
const isField = (field: unknown): boolean =>
  typeof field === 'string' && field !== '' && field !== '__proto__' && !capabilityCallOptions.has(field)
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
