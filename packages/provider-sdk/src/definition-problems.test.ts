import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { type CapabilityDefinition, defineProvider } from './define-provider.ts'
import { providerErrors } from './errors.ts'
import { streamable } from './streamable.ts'

type AnyCapability = Partial<Record<keyof CapabilityDefinition<z.ZodType, z.ZodType>, unknown>> &
  Record<string, unknown>

const read = {
  summary: 'Reads.',
  input: z.strictObject({ path: z.string(), content: streamable(z.string()).optional() }),
  output: z.strictObject({ text: z.string() }),
  handler: () => ({ text: '' }),
}
const response = z.strictObject({
  status: z.number(),
  statusText: z.string(),
  url: z.string(),
  redirected: z.boolean(),
  headers: z.any(),
})

/** The problems of a provider whose one capability has these fields instead. */
function problemsWith(capability: AnyCapability, provider: Record<string, unknown> = {}): readonly string[] {
  return problemsOf({
    name: 'notes',
    specificationVersion: 'v1',
    capabilities: { read: { ...read, ...capability } },
    ...provider,
  })
}

function problemsOf(definition: unknown): readonly string[] {
  try {
    defineProvider(definition as never)
    return []
  } catch (error) {
    if (!providerErrors.PROVIDER_DEFINITION_INVALID.is(error)) throw error
    return error.details.problems
  }
}

it('takes what is right', () => {
  expect(problemsWith({})).toEqual([])
  expect(
    problemsWith({
      positional: ['path', 'content'],
      bodyField: 'content',
      effect: 'read',
      returns: 'value',
      limits: { timeoutMs: Infinity, inputBytes: 1, outputBytes: Infinity, concurrent: 1 },
      describeCall: () => '',
    }),
  ).toEqual([])
  expect(problemsWith({ returns: 'body', output: z.object({ length: z.number() }) })).toEqual([])
  expect(problemsWith({ returns: 'response', output: response })).toEqual([])
  // what is not known is not refused
  expect(problemsWith({ input: z.unknown(), positional: ['any'], bodyField: 'other' })).toEqual([])
})

const limit = 'must be a whole number above 0, or Infinity'
it.each<[problem: string, AnyCapability]>([
  ['capabilities.read: Unrecognized key: "timeout"', { timeout: 5 }],
  ['capabilities.read.summary: must be a text', { summary: undefined }],
  ['capabilities.read.summary: must be one line that is not empty', { summary: ' ' }],
  ['capabilities.read.summary: must be one line that is not empty', { summary: 'a\nb' }],
  ['capabilities.read.input: must be a zod schema', { input: { path: 'string' } }],
  ['capabilities.read.output: must be a zod schema', { output: undefined }],
  ['capabilities.read.handler: must be a function', { handler: 'read' }],
  ['capabilities.read.describeCall: must be a function', { describeCall: 'reads' }],
  ["capabilities.read.effect: must be 'read' or 'write'", { effect: 'none' }],
  ["capabilities.read.returns: must be 'value', 'body' or 'response'", { returns: 'stream' }],
  ['capabilities.read.limits: Unrecognized key: "timeout"', { limits: { timeout: 5 } }],
  [`capabilities.read.limits.timeoutMs: ${limit}`, { limits: { timeoutMs: 0 } }],
  [`capabilities.read.limits.inputBytes: ${limit}`, { limits: { inputBytes: 1.5 } }],
  [`capabilities.read.limits.outputBytes: ${limit}`, { limits: { outputBytes: Number.NaN } }],
  [`capabilities.read.limits.concurrent: ${limit}`, { limits: { concurrent: '5' } }],
  ['capabilities.read.input: must be a schema of an object: a call takes one', { input: z.string() }],
  [
    'capabilities.read.input: `signal` is an option of every call; give the field another name',
    { input: z.object({ signal: z.any() }) },
  ],
  [
    'capabilities.read.input: `timeoutMs` is an option of every call; give the field another name',
    { input: z.looseObject({ timeoutMs: z.any() }).optional() },
  ],
  ["capabilities.read.positional: 'pth' is no field of the input", { positional: ['pth'] }],
  ["capabilities.read.positional: 'path' is there twice", { positional: ['path', 'path'] }],
  [
    "capabilities.read.positional: 'idempotencyKey' is an option of every call",
    { input: z.unknown(), positional: ['idempotencyKey'] },
  ],
  ["capabilities.read.bodyField: 'body' is no field of the input", { bodyField: 'body' }],
  ["capabilities.read.bodyField: 'signal' is an option of every call", { bodyField: 'signal' }],
  [
    "capabilities.read.bodyField: the schema of 'path' takes no stream; make it `streamable(schema)`",
    { bodyField: 'path' },
  ],
  [
    'capabilities.read.output: `text` is what a cell reads the body with; give the field another name',
    { returns: 'body', output: z.object({ text: z.string() }) },
  ],
  [
    "capabilities.read.output: must be a schema of an object, because `returns` is 'body'",
    { returns: 'body', output: z.string() },
  ],
  [
    "capabilities.read.output: needs the field `redirected`, because `returns` is 'response'",
    { returns: 'response', output: response.omit({ redirected: true }) },
  ],
  [
    'capabilities.read.input: has an async refinement or transform; do that in the handler',
    { input: z.strictObject({ a: z.array(z.string().refine(async () => true)) }) },
  ],
  [
    'capabilities.read.output: has an async refinement or transform; do that in the handler',
    { output: z.string().transform(async (text) => text) },
  ],
])('says "%s"', (problem, capability) => {
  expect(problemsWith(capability)).toEqual([problem])
})

it.each<[problem: string, provider: Record<string, unknown>]>([
  ['input: Unrecognized key: "version"', { version: 1 }],
  ['name: must be letters, digits and _, not first a digit, at most 64', { name: 'my-notes' }],
  ['name: must be letters, digits and _, not first a digit, at most 64', { name: 'x'.repeat(65) }],
  ['name: means something else to JavaScript; take another name', { name: 'constructor' }],
  ["specificationVersion: must be 'v1'", { specificationVersion: 'v2' }],
  ['capabilities: must hold at least one', { capabilities: {} }],
  [
    'capabilities.then: a name means something else to JavaScript; take another name',
    { capabilities: { ['th' + 'en']: read } },
  ],
  [
    'capabilities.a.b: a name must be letters, digits and _, not first a digit, at most 64',
    { capabilities: { 'a.b': read } },
  ],
  [
    'capabilities.__proto__: a name means something else to JavaScript; take another name',
    { capabilities: { read, ['__proto__']: read } },
  ],
  ['secrets.token: must be a text that is not empty, or a function that gives one', { secrets: { token: '' } }],
  ['secrets.token: must be a text that is not empty, or a function that gives one', { secrets: { token: 5 } }],
  [
    'secrets.to-ken: a name must be letters, digits and _, not first a digit, at most 64',
    { secrets: { 'to-ken': 'a' } },
  ],
  ['dispose: must be a function', { dispose: true }],
])('says "%s"', (problem, provider) => {
  expect(problemsWith({}, provider)).toEqual([problem])
})

it('does not show secrets', () => {
  expect(problemsWith({}, { secrets: { token: 'hunter2' }, name: '' }).join()).not.toContain('hunter2')
})

it('names the problem of any other thing', () => {
  // with braces: fast-check takes what an expectation gives back for an answer
  const hasProblem = (definition: unknown): void => {
    expect(problemsOf(definition)).not.toEqual([])
  }
  fc.assert(fc.property(fc.anything(), hasProblem))
  const capability = fc.dictionary(fc.string(), fc.anything())
  fc.assert(fc.property(capability, (b) => hasProblem({ name: 'a', specificationVersion: 'v1', capabilities: { b } })))
})
