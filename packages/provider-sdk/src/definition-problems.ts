import { capabilityBody } from '@capsule/core'
import * as z from 'zod'
import { problemsIn } from './checked-by.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { knownFields } from './known-fields.ts'
import { hasAsyncFunction } from './async-functions.ts'
import { capabilityCallOptions, capabilityNamePattern, isReservedCapabilityName } from '@capsule/core'

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === 'object' && value !== null && typeof (value as Partial<z.ZodType>).safeParse === 'function'
const functionSchema = z.custom((value) => typeof value === 'function', { error: 'must be a function' })
const schemaSchema = z.custom<z.ZodType>(isSchema, { error: 'must be a zod schema' })
const nameSchema = z
  .string({ error: 'must be a text' })
  .regex(capabilityNamePattern, { error: 'must be letters, digits and _, not first a digit, at most 64' })
  .refine((name) => !isReservedCapabilityName(name), { error: 'means something else to JavaScript; take another name' })
const secretSchema = z.custom((value) => (typeof value === 'string' ? value !== '' : typeof value === 'function'), {
  error: 'must be a text that is not empty, or a function that gives one',
})
const limitError = { error: 'must be a whole number above 0, or Infinity' }
const limitSchema = z.literal(Infinity, limitError).or(z.int(limitError).positive(limitError)).optional()

const capabilitySchema = z.strictObject({
  summary: z
    .string({ error: 'must be a text' })
    .max(500, { error: 'must have at most 500 characters' })
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*\S[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { error: 'must be one line that is not empty' }),
  input: schemaSchema,
  output: schemaSchema,
  positional: z.array(z.string()).optional(),
  effect: z.enum(['read', 'write'], { error: "must be 'read' or 'write'" }).optional(),
  bodyField: z.string().optional(),
  returns: z.enum(['value', 'body', 'response'], { error: "must be 'value', 'body' or 'response'" }).optional(),
  limits: z
    .strictObject({
      timeoutMs: limitSchema,
      inputBytes: limitSchema,
      outputBytes: limitSchema,
      concurrent: limitSchema,
    })
    .optional(),
  describeCall: functionSchema.optional(),
  handler: functionSchema,
})

const definitionSchema = z.strictObject({
  name: nameSchema,
  specificationVersion: z.literal('v1', { error: "must be 'v1'" }),
  capabilities: z
    .record(z.string(), capabilitySchema)
    .refine((capabilities) => Object.keys(capabilities).length > 0, { error: 'must hold at least one' }),
  secrets: z.record(z.string(), secretSchema).optional(),
  dispose: functionSchema.optional(),
})

/** Why this makes no provider; each names the field. */
export function definitionProblems(definition: unknown): readonly string[] {
  const { success, data, error } = definitionSchema.safeParse(definition)
  if (!success) return problemsIn(error.issues)
  // of the definition itself: a record that zod has read holds no `__proto__`
  const { capabilities, secrets = {} } = definition as { capabilities: object; secrets?: object }
  const badNames = Object.entries({ capabilities, secrets }).flatMap(([place, named]) =>
    Object.keys(named).flatMap((name) => nameProblems(name).map((problem) => `${place}.${name}: a name ${problem}`)),
  )
  const ofCapabilities = Object.entries(data.capabilities).flatMap(([name, capability]) =>
    capabilityProblems(capability).map((problem) => `capabilities.${name}.${problem}`),
  )
  return [...badNames, ...ofCapabilities]
}

function nameProblems(name: string): string[] {
  return nameSchema.safeParse(name).error?.issues.map(({ message }) => message) ?? []
}

type CheckedCapability = z.output<typeof capabilitySchema>

function capabilityProblems(capability: CheckedCapability): string[] {
  const shown = schemaProblems(capability)
  if (shown.length > 0) return shown
  return [asyncProblems, inputProblems, bodyProblems, outputProblems].flatMap((problemsOf) => problemsOf(capability))
}

/** A schema that holds itself without `z.lazy`, or ids given twice, have no JSON Schema. */
function schemaProblems({ input, output }: CheckedCapability): string[] {
  return Object.entries({ input, output }).flatMap(([io, schema]) => {
    try {
      jsonSchemaOf(schema, io as 'input' | 'output')
      return []
    } catch (error) {
      return [`${io}: has no JSON Schema (${error instanceof Error ? error.message : 'it throws'})`]
    }
  })
}

/** A check answers at once; and what such a function rejects with, nobody would be there to catch. */
function asyncProblems({ input, output }: CheckedCapability): string[] {
  return Object.entries({ input, output })
    .filter(([, schema]) => hasAsyncFunction(schema))
    .map(([io]) => `${io}: has an async refinement or transform; do that in the handler`)
}

function inputProblems({ input, positional = [] }: CheckedCapability): string[] {
  const { names, isClosed, isObject } = knownFields(input)
  if (!isObject) return ['input: must be a schema of an object: a call takes one']
  const reserved = [...names].filter((name) => capabilityCallOptions.has(name))
  return [
    ...reserved.map((name) => `input: \`${name}\` is an option of every call; give the field another name`),
    ...positional
      .filter((name) => isClosed && !names.has(name))
      .map((name) => `positional: '${name}' is no field of the input`),
    ...positional
      .filter((name) => capabilityCallOptions.has(name))
      .map((name) => `positional: '${name}' is an option of every call`),
    ...positional
      .filter((name, index) => positional.indexOf(name) < index)
      .map((name) => `positional: '${name}' is there twice`),
  ]
}

function bodyProblems({ input, bodyField }: CheckedCapability): string[] {
  if (bodyField === undefined) return []
  const { names, isClosed, fields } = knownFields(input)
  if (capabilityCallOptions.has(bodyField)) return [`bodyField: '${bodyField}' is an option of every call`]
  if (isClosed && !names.has(bodyField)) return [`bodyField: '${bodyField}' is no field of the input`]
  const field = Object.hasOwn(fields, bodyField) ? fields[bodyField] : undefined
  if (field === undefined || takesBody(field)) return []
  return [`bodyField: the schema of '${bodyField}' takes no stream; make it \`streamable(schema)\``]
}

function takesBody(field: z.core.$ZodType): boolean {
  try {
    return z.safeParse(field, capabilityBody).success
  } catch {
    return false
  }
}

/** What a cell gets is an object with methods of its own. */
const replyMethods = ['body', 'text', 'json', 'bytes']
const responseFields = ['status', 'statusText', 'url', 'redirected', 'headers']

function outputProblems({ output, returns = 'value' }: CheckedCapability): string[] {
  const { names, isClosed, isObject } = knownFields(output)
  if (returns === 'value') return []
  if (!isObject) return [`output: must be a schema of an object, because \`returns\` is '${returns}'`]
  const missing = returns === 'response' && isClosed ? responseFields.filter((name) => !names.has(name)) : []
  return [
    ...replyMethods
      .filter((name) => names.has(name))
      .map((name) => `output: \`${name}\` is what a cell reads the body with; give the field another name`),
    ...missing.map((name) => `output: needs the field \`${name}\`, because \`returns\` is 'response'`),
  ]
}
