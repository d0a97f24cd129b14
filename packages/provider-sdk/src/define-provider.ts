import type {
  Capability,
  CapabilityContext,
  CapabilityLimits,
  CapabilityProvider,
  CapabilityReply,
} from '@capsule/core'
import type * as z from 'zod'
import { checkedBy } from './checked-by.ts'
import { definitionProblems } from './definition-problems.ts'
import { describeInOneLine } from './describe-call.ts'
import { providerErrors } from './errors.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { type SecretDefinitions, secretGetters } from './provider-secrets.ts'

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
  readonly secrets?: SecretDefinitions
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

/** A provider from schemas and handlers. @throws PROVIDER_DEFINITION_INVALID */
export function defineProvider<
  const Inputs extends Record<string, z.ZodType>,
  const Outputs extends Record<string, z.ZodType>,
>(definition: ProviderDefinition<Inputs, Outputs>): CapabilityProvider {
  const problems = definitionProblems(definition)
  if (problems.length > 0) throw providerErrors.PROVIDER_DEFINITION_INVALID({ provider: nameOf(definition), problems })
  const { name, specificationVersion, secrets = {}, dispose } = definition
  const definitions = Object.entries(
    definition.capabilities as Readonly<Record<string, CapabilityDefinition<z.ZodType, z.ZodType>>>,
  )
  let disposed: Promise<void> | undefined
  return Object.freeze({
    name,
    specificationVersion,
    capabilities: Object.freeze(Object.fromEntries(definitions.map(([key, each]) => [key, capabilityOf(each)]))),
    secrets: secretGetters(name, secrets),
    [Symbol.asyncDispose]: () => (disposed ??= (async () => dispose?.())()),
  })
}

function nameOf(definition: unknown): string {
  const { name } = (definition ?? {}) as { name?: unknown }
  return typeof name === 'string' ? name.slice(0, 64) : '?'
}

function capabilityOf(definition: CapabilityDefinition<z.ZodType, z.ZodType>): Capability {
  const { summary, input, output, positional = [], effect = 'write', bodyField, returns = 'value' } = definition
  const { limits = {}, describeCall, handler } = definition
  return Object.freeze({
    summary,
    effect,
    positional: Object.freeze([...positional]),
    bodyField,
    returns,
    limits: Object.freeze({
      timeoutMs: limits.timeoutMs ?? defaultCapabilityLimits.timeoutMs,
      inputBytes: limits.inputBytes ?? defaultCapabilityLimits.inputBytes,
      outputBytes: limits.outputBytes ?? defaultCapabilityLimits.outputBytes,
      concurrent: limits.concurrent ?? defaultCapabilityLimits.concurrent,
    }),
    inputSchema: jsonSchemaOf(input, 'input'),
    outputSchema: jsonSchemaOf(output, 'output'),
    checkInput: checkedBy(input),
    checkOutput: checkedBy(output),
    describeCall: describeInOneLine(describeCall),
    invoke: handler,
  })
}
