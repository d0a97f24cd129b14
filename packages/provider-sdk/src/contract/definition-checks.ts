import type { Capability } from '@capsule/core'
import { type Bench, demand } from './bench.ts'
import type { CheckDefinition } from './checks.ts'
import { propertiesOf } from './input-mutations.ts'
import { capabilityCallOptions, capabilityNamePattern, isReservedCapabilityName } from '@capsule/core'

export const definitionChecks: readonly CheckDefinition[] = [
  { name: 'is version 1 and has names that a cell can call', run: checkNames },
  { name: 'has samples for each of its capabilities, and no others', run: checkSamples },
]

export function capabilityDefinitionChecks(name: string): readonly CheckDefinition[] {
  return [
    {
      name: `${name}: says in one line what it is, and what it does to the world`,
      run: (bench) => checkText(bench.capability(name)),
    },
    { name: `${name}: has limits that are positive`, run: (bench) => checkLimits(bench.capability(name)) },
    {
      name: `${name}: has JSON schemas, and fields that a call can have`,
      run: (bench) => checkFields(bench.capability(name)),
    },
  ]
}

function checkNames({ provider }: Bench): void {
  demand(provider.specificationVersion === 'v1', "specificationVersion: must be 'v1'")
  demand(typeof provider[Symbol.asyncDispose] === 'function', '[Symbol.asyncDispose]: must be a function')
  for (const name of [provider.name, ...Object.keys(provider.capabilities)]) {
    demand(
      typeof name === 'string' && capabilityNamePattern.test(name),
      `${name}: a name must be letters, digits and _, at most 64`,
    )
    demand(!isReservedCapabilityName(name), `${name}: this name means something else to JavaScript`)
  }
  for (const [name, get] of Object.entries(provider.secrets))
    demand(typeof get === 'function', `secrets.${name}: must be a function, asked at each use`)
}

function checkSamples({ provider, options: { calls } }: Bench): void {
  const names = Object.keys(provider.capabilities)
  for (const name of names) demand(Object.hasOwn(calls, name), `calls.${name}: is missing`)
  for (const [name, { valid }] of Object.entries(calls)) {
    demand(names.includes(name), `calls.${name}: the provider has no such capability`)
    demand(valid.length > 0, `calls.${name}.valid: needs at least one call`)
  }
}

function checkText({ summary, effect, returns }: Capability): void {
  demand(isOneLine(summary, 500), 'summary: must be one line of at most 500 characters')
  demand(['read', 'write'].includes(effect), "effect: must be 'read' or 'write'")
  demand(['value', 'body', 'response'].includes(returns), "returns: must be 'value', 'body' or 'response'")
}

function checkLimits({ limits }: Capability): void {
  for (const name of ['timeoutMs', 'inputBytes', 'outputBytes', 'concurrent'] as const) {
    const isPositive = limits[name] === Infinity || (Number.isInteger(limits[name]) && limits[name] > 0)
    demand(isPositive, `limits.${name}: must be a whole number above 0, or Infinity`)
  }
}

function checkFields({ inputSchema, outputSchema, positional, bodyField }: Capability): void {
  for (const [name, schema] of Object.entries({ inputSchema, outputSchema })) {
    const isSchema = typeof schema === 'object' && schema !== null && !Array.isArray(schema)
    demand(isSchema, `${name}: must be a JSON Schema`)
    demand(isJson(schema), `${name}: must be plain JSON`)
  }
  const properties = Object.keys(propertiesOf(inputSchema))
  const isClosed = inputSchema['additionalProperties'] === false
  const fields = [...positional, ...(bodyField === undefined ? [] : [bodyField])]
  demand(new Set(positional).size === positional.length, 'positional: has a field twice')
  for (const field of [...fields, ...properties])
    demand(!capabilityCallOptions.has(field), `${field}: is an option of every call; give the field another name`)
  for (const field of fields)
    demand(
      !isClosed || properties.includes(field),
      `${field}: is in \`positional\` or \`bodyField\` and no field of the input`,
    )
}

function isJson(schema: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(JSON.stringify(schema))) === JSON.stringify(schema)
  } catch {
    return false
  }
}

/** No line breaks and other controls, and nothing that turns the direction of the text: it is read by people. */
export function isOneLine(text: unknown, longest: number): boolean {
  return (
    typeof text === 'string' &&
    text.trim() !== '' &&
    text.length <= longest &&
    !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text)
  )
}
