import type {
  Capability,
  CapabilityContext,
  CapabilityLimits,
  CapabilityProvider,
  CapabilityReply,
} from '@capsule/core'
import * as z from 'zod'
import { checkedBy } from './checked-by.ts'
import { providerErrors } from './errors.ts'

/** One capability, with zod schemas as the source of types, docs and validation. */
export interface CapabilityDefinition<Input extends z.ZodType, Output extends z.ZodType> {
  /** One sentence, for docs and for the person who approves a call. */
  readonly summary: string
  /** What a call takes, as one object. Use `z.strictObject`, so that a typing error is one. */
  readonly input: Input
  /** Of the value, without the body of a reply. */
  readonly output: Output
  /**
   * Fields of the input that the first arguments of a call are: `['path']` makes `read('a.txt', { encoding })` the input
   * `{ path: 'a.txt', encoding }`. @defaultValue none: a call takes one object
   */
  readonly positional?: readonly (keyof z.input<Input> & string)[]
  /** @defaultValue 'write' */
  readonly effect?: 'read' | 'write'
  /** The field of the input that a cell may stream. */
  readonly bodyField?: keyof z.input<Input> & string
  /** @defaultValue 'value' */
  readonly returns?: Capability['returns']
  /** @defaultValue `defaultCapabilityLimits` */
  readonly limits?: Partial<CapabilityLimits>
  /** One readable line of a call, for approvals and audit; no secrets. @defaultValue the input as JSON, cut */
  describeCall?(this: void, input: z.output<Input>): string
  handler(
    this: void,
    args: z.output<Input>,
    context: CapabilityContext,
  ): z.input<Output> | CapabilityReply | Promise<z.input<Output> | CapabilityReply>
}

export interface ProviderDefinition<
  Inputs extends Record<string, z.ZodType>,
  Outputs extends Record<string, z.ZodType>,
> {
  /** The first half of the names of its capabilities: letters, digits and `_`, not first a digit. */
  readonly name: string
  readonly specificationVersion: 'v1'
  readonly capabilities: {
    readonly [Name in keyof Inputs]: CapabilityDefinition<Inputs[Name], Outputs[Name & keyof Outputs]>
    // the second half is what `Outputs` is inferred from
  } & { readonly [Name in keyof Outputs]: { readonly output: Outputs[Name] } }
  /** Stay in the host: handlers get them as `context.secrets`, and audit, errors and approvals show them as `[name]`. */
  readonly secrets?: Readonly<Record<string, string | (() => string)>>
  /** Ends what the provider holds open. */
  dispose?(this: void): void | Promise<void>
}

/** What a call may take where a capability says nothing else. */
export const defaultCapabilityLimits: CapabilityLimits = Object.freeze({
  timeoutMs: 30_000,
  inputBytes: 1024 * 1024,
  outputBytes: 8 * 1024 * 1024,
  concurrent: 16,
})

// unit: characters
const describedLength = 200
const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** A provider from schemas and handlers. @throws PROVIDER_DEFINITION_INVALID */
export function defineProvider<
  const Inputs extends Record<string, z.ZodType>,
  const Outputs extends Record<string, z.ZodType>,
>(definition: ProviderDefinition<Inputs, Outputs>): CapabilityProvider {
  const { name, specificationVersion, secrets = {}, dispose } = definition
  const definitions = Object.entries(
    definition.capabilities as Readonly<Record<string, CapabilityDefinition<z.ZodType, z.ZodType>>>,
  )
  const problems = problemsOf(name, specificationVersion, definitions)
  if (problems.length > 0) throw providerErrors.PROVIDER_DEFINITION_INVALID({ provider: String(name), problems })
  return Object.freeze({
    name,
    specificationVersion,
    capabilities: Object.freeze(Object.fromEntries(definitions.map(([key, each]) => [key, capabilityOf(each)]))),
    secrets: Object.freeze(
      Object.fromEntries(
        Object.entries(secrets).map(([key, secret]) => [key, typeof secret === 'string' ? () => secret : secret]),
      ),
    ),
    [Symbol.asyncDispose]: async () => dispose?.(),
  })
}

function capabilityOf(definition: CapabilityDefinition<z.ZodType, z.ZodType>): Capability {
  const { summary, input, output, positional = [], effect = 'write', bodyField, returns = 'value' } = definition
  const { limits, describeCall = describeAsJson, handler } = definition
  return Object.freeze({
    summary,
    effect,
    positional: Object.freeze([...positional]),
    bodyField,
    returns,
    limits: Object.freeze({ ...defaultCapabilityLimits, ...limits }),
    inputSchema: jsonSchemaOf(input, 'input'),
    outputSchema: jsonSchemaOf(output, 'output'),
    checkInput: checkedBy(input),
    checkOutput: checkedBy(output),
    describeCall,
    invoke: handler,
  })
}

/** What has no place in JSON Schema (bytes, dates) shows as `{}`: it is for people and tools, not for validation. */
function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  return Object.freeze(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>)
}

function describeAsJson(input: unknown): string {
  const text = JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? `<${value.length} bytes>` : typeof value === 'bigint' ? `${value}n` : value,
  )
  return text.length > describedLength ? `${text.slice(0, describedLength)}…` : text
}

function problemsOf(
  name: string,
  version: string,
  definitions: readonly (readonly [string, CapabilityDefinition<z.ZodType, z.ZodType>])[],
): string[] {
  const problems: string[] = []
  if (!namePattern.test(name)) problems.push('name: must be letters, digits and _, at most 64')
  if (version !== 'v1') problems.push("specificationVersion: must be 'v1'")
  if (definitions.length === 0) problems.push('capabilities: must hold at least one')
  for (const [key, { handler, limits = {} }] of definitions) {
    if (!namePattern.test(key)) problems.push(`capabilities.${key}: a name must be letters, digits and _, at most 64`)
    if (typeof handler !== 'function') problems.push(`capabilities.${key}.handler: must be a function`)
    for (const [limit, value] of Object.entries(limits)) {
      if (!(limit in defaultCapabilityLimits)) problems.push(`capabilities.${key}.limits.${limit}: unknown limit`)
      else if (!(value > 0)) problems.push(`capabilities.${key}.limits.${limit}: must be a number above 0`)
    }
  }
  return problems
}
