import { type Capability, capabilityReply, CapsuleError } from '@capsule/core'
import {
  type CapabilitySamples,
  createProviderChecks,
  type ProviderContractOptions,
} from '@capsule/provider-sdk/testing'
import { expect, it } from 'vitest'
import { contractOf, held, type Replacements, ticks, token } from './fixtures/hand-written.ts'

interface Broken {
  readonly check: string
  readonly says: RegExp
  readonly with: Replacements
  readonly options?: Partial<ProviderContractOptions>
}

const { calls } = contractOf()
const withSamples = (name: string, samples: Partial<CapabilitySamples>): Partial<ProviderContractOptions> => ({
  calls: { ...calls, [name]: { ...calls[name]!, ...samples } },
})
const never = (): Promise<never> => new Promise(() => {})
const limits = { timeoutMs: 5000, inputBytes: 1024 * 1024, outputBytes: 4096, concurrent: 4 }
const failing = (error: unknown) => () => Promise.reject(error)
const anyInput: Partial<Capability> = { checkInput: (value) => ({ isValid: true, value }) }
const text = (input: unknown): string => (input as { text: string }).text

/** A body with two of the three methods of an iterator. */
const withoutReturn = (): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: new Uint8Array(10) }) }),
})
const endless = (
  next: () => Promise<IteratorResult<unknown>>,
  leave = async () => ({ done: true, value: undefined }),
) => ({
  invoke: (input: unknown) =>
    capabilityReply(input, { [Symbol.asyncIterator]: () => ({ next, return: leave as never }) }),
})
const chunk = async (): Promise<IteratorResult<unknown>> => ({ done: false, value: new Uint8Array(10) })

/** Gives nothing until it is told to end. */
async function* silent(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await new Promise((resume) => signal.addEventListener('abort', resume))
  yield new Uint8Array()
}

const definitions: Broken[] = [
  { check: 'is version 1', says: /must be 'v1'/, with: { provider: { specificationVersion: 'v2' as 'v1' } } },
  { check: 'is version 1', says: /my-notes: a name/, with: { provider: { name: 'my-notes' } } },
  { check: 'is version 1', says: /then: this name means/, with: { provider: { name: 'then' } } },
  {
    check: 'is version 1',
    says: /secrets\.token: must be a function/,
    with: { provider: { secrets: { token: 'a' as never } } },
  },
  {
    check: 'has samples',
    says: /calls\.store: is missing/,
    with: {},
    options: { calls: { echo: calls['echo']!, watch: calls['watch']! } },
  },
  {
    check: 'has samples',
    says: /calls\.other: the provider has no/,
    with: {},
    options: { calls: { ...calls, other: { valid: [[]] } } },
  },
  { check: 'has samples', says: /needs at least one call/, with: {}, options: withSamples('echo', { valid: [] }) },
  { check: 'echo: says in one line', says: /summary/, with: { echo: { summary: 'two\nlines' } } },
  { check: 'echo: says in one line', says: /effect/, with: { echo: { effect: 'delete' as 'read' } } },
  { check: 'echo: says in one line', says: /returns/, with: { echo: { returns: 'stream' as 'body' } } },
  { check: 'echo: has limits', says: /limits\.timeoutMs/, with: { echo: { limits: { ...limits, timeoutMs: 0 } } } },
  {
    check: 'echo: has limits',
    says: /limits\.outputBytes/,
    with: { echo: { limits: { ...limits, outputBytes: 1.5 } } },
  },
  {
    check: 'echo: has limits',
    says: /limits\.concurrent/,
    with: { echo: { limits: { ...limits, concurrent: undefined as never } } },
  },
  {
    check: 'echo: has JSON schemas',
    says: /inputSchema: must be a JSON/,
    with: { echo: { inputSchema: undefined as never } },
  },
  {
    check: 'echo: has JSON schemas',
    says: /outputSchema: must be plain/,
    with: { echo: { outputSchema: { default: 1n } } },
  },
  {
    check: 'echo: has JSON schemas',
    says: /timeoutMs: is an option/,
    with: { echo: { inputSchema: { properties: { timeoutMs: {} } } } },
  },
  { check: 'echo: has JSON schemas', says: /signal: is an option/, with: { echo: { positional: ['signal'] } } },
  { check: 'echo: has JSON schemas', says: /twice/, with: { echo: { positional: ['text', 'text'] } } },
  { check: 'echo: has JSON schemas', says: /txt: is in/, with: { echo: { positional: ['txt'] } } },
  { check: 'echo: has JSON schemas', says: /data: is in/, with: { echo: { bodyField: 'data' } } },
]

const argumentsAndErrors: Broken[] = [
  {
    check: 'echo: checks any value',
    says: /checkInput throws for undefined/,
    with: { echo: { checkInput: (value) => ({ isValid: true, value: text(value).length }) } },
  },
  {
    check: 'echo: checks any value',
    says: /no promise/,
    with: { echo: { checkOutput: (async () => ({ isValid: true })) as never } },
  },
  {
    check: 'echo: checks any value',
    says: /at least one problem/,
    with: { echo: { checkInput: () => ({ isValid: false, problems: [] }) } },
  },
  {
    check: 'echo: checks any value',
    says: /at most 100 problems/,
    with: {
      echo: {
        checkInput: (value) => ({
          isValid: false,
          problems: [
            `no: ${String(JSON.stringify([typeof value === 'bigint' ? 0 : typeof value === 'string' ? value : 0]))}`,
          ],
        }),
      },
    },
  },
  {
    check: 'echo: checks any value',
    says: /changed Object\.prototype/,
    with: {
      echo: {
        checkInput(value) {
          if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
            Object.assign(Object.prototype, { polluted: true })
          return { isValid: false, problems: ['input: never right'] }
        },
      },
    },
  },
  { check: 'echo: refuses what its JSON schema', says: /takes an input with/, with: { echo: anyInput } },
  {
    check: 'echo: refuses what its JSON schema',
    says: /no text, which its own/,
    with: {
      echo: {
        checkInput: (value) =>
          typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
            ? { isValid: true, value }
            : { isValid: false, problems: ['text: is missing'] },
      },
    },
  },
  {
    check: 'echo: checks an input without',
    says: /changes the input/,
    with: {
      echo: { checkInput: (value) => ({ isValid: true, value: Object.assign(value as object, { text: 'z' }) }) },
    },
  },
  {
    check: 'echo: checks an input without',
    says: /another result/,
    with: { echo: { checkInput: () => ({ isValid: true, value: Math.random() }) } },
  },
  {
    check: 'echo: checks an input without',
    says: /\[ 5 \] is refused: text: must be/,
    with: {},
    options: withSamples('echo', { valid: [[5]] }),
  },
  { check: 'echo: describes', says: /one line/, with: { echo: { describeCall: (input) => `says ${text(input)}` } } },
  { check: 'echo: describes', says: /one line/, with: { echo: { describeCall: () => '' } } },
  {
    check: 'echo: describes',
    says: /throws/,
    with: { echo: { describeCall: (input) => text(input).split('\0')[1]!.trim() } },
  },
  {
    check: 'echo: hostile arguments',
    says: /a NUL: throws what is no CapsuleError.*broken by a NUL/s,
    with: {
      echo: {
        invoke: (input) => (text(input).includes('\0') ? failing(new Error('broken by a NUL'))() : input),
      },
    },
  },
  {
    check: 'echo: answers',
    says: /valid\[0\]: throws what is no CapsuleError.*oops/s,
    with: { echo: { invoke: failing(new TypeError('oops')) } },
  },
  {
    check: 'echo: answers',
    says: /NOT_LISTED is not in/,
    with: { echo: { invoke: failing(new CapsuleError('NOT_LISTED', 'take another text', {})) } },
  },
  {
    check: 'echo: answers',
    says: /what to change/,
    with: { echo: { invoke: failing(new CapsuleError('ECHO_REFUSED', '', {})) } },
  },
  {
    check: 'echo: answers',
    says: /as no one can read/,
    with: { echo: { invoke: failing(new CapsuleError('ECHO_REFUSED', 'not [object Object]', {})) } },
  },
  {
    check: 'echo: answers',
    says: /must be answered, and fails/,
    with: { echo: { invoke: failing(new CapsuleError('ECHO_REFUSED', 'take another text', {})) } },
  },
  {
    check: 'echo: answers',
    says: /answered what it must not: text: must be/,
    with: { echo: { invoke: () => ({ text: 5 }) } },
  },
  {
    check: 'echo: answers',
    says: /cannot be sent/,
    with: { echo: { invoke: () => () => {}, checkOutput: (value) => ({ isValid: true, value }) } },
  },
  {
    check: 'echo: answers',
    says: /promises none/,
    with: { echo: { invoke: () => capabilityReply({ text: 'a' }, withoutReturn()) } },
  },
  {
    check: 'echo: answers',
    says: /must end soon after|CAPABILITY_TIMED_OUT|took longer/,
    with: { echo: { invoke: never } },
    options: { answerWithinMs: 100 },
  },
  {
    check: 'echo: answers',
    says: /annotations must be/,
    with: { echo: { invoke: (input, { annotate }) => (annotate({ a: {} as string }), input) } },
  },
  { check: 'echo: answers', says: /needs the value \{ status/, with: { echo: { returns: 'response' } } },
  {
    check: 'echo: refuses with codes',
    says: /must be refused with OTHER, and fails/,
    with: {},
    options: withSamples('echo', { refused: [{ args: ['refuse'], code: 'OTHER' }] }),
  },
  { check: 'echo: refuses with codes', says: /and is answered/, with: { echo: { invoke: (input) => input } } },
]

const seenKeys = new Set<unknown>()
let running = 0
const timeAndBodies: Broken[] = [
  {
    check: 'echo: takes a call again',
    says: /the second time of.*again/s,
    with: {
      echo: {
        invoke: (input, { idempotencyKey }) =>
          seenKeys.has(idempotencyKey) ? failing(new Error('again'))() : (seenKeys.add(idempotencyKey), input),
      },
    },
  },
  {
    check: 'echo: takes its valid calls all at once',
    says: /4 calls at once.*one at a time/s,
    with: {
      echo: {
        async invoke(input) {
          if (running > 0) throw new Error('one at a time')
          running++
          await new Promise((resume) => setImmediate(resume))
          running--
          return input
        },
      },
    },
  },
  {
    check: 'echo: ends when its signal has aborted',
    says: /must end soon/,
    with: { echo: { invoke: (input, { signal }) => (signal.aborted ? never() : input) } },
  },
  { check: 'watch: a slow call ends when it is cancelled', says: /must end soon/, with: { watch: { invoke: never } } },
  {
    check: 'watch: a slow call ends when it is cancelled',
    says: /must go on until/,
    with: {},
    options: withSamples('watch', { slow: [1] }),
  },
  { check: 'watch: a slow call ends at its deadline', says: /must end soon/, with: { watch: { invoke: never } } },
  {
    check: 'watch: a slow call ends at its deadline',
    says: /is answered/,
    with: {},
    options: withSamples('watch', { slow: [1] }),
  },
  {
    check: 'watch: a large answer',
    says: /is answered whole/,
    with: {},
    options: withSamples('watch', { large: [2] }),
  },
  {
    check: 'watch: a large answer',
    says: /until the time is up/,
    with: { watch: { invoke: (input, { signal }) => capabilityReply(input, silent(signal)) } },
    options: { answerWithinMs: 50 },
  },
  {
    check: 'watch: a body ends when it is left early',
    says: /needs `return`/,
    with: { watch: { invoke: (input) => capabilityReply(input, withoutReturn()) } },
  },
  { check: 'watch: a body ends when it is left early', says: /and goes on/, with: { watch: endless(chunk) } },
  { check: 'watch: a body ends when it is left early', says: /must settle/, with: { watch: endless(chunk, never) } },
  {
    check: 'watch: a body ends when it is left early',
    says: /and has none/,
    with: { watch: { invoke: (input) => capabilityReply(input, (async function* () {})()) } },
  },
  {
    check: 'watch: a body ends when it is left early',
    says: /must have a body/,
    with: { watch: { invoke: (input) => input } },
  },
  {
    check: 'watch: a body ends when its call is cancelled',
    says: /soon after `context\.signal` aborts/,
    with: { watch: endless(chunk) },
  },
  {
    check: 'watch: a body ends when its call is cancelled',
    says: /soon after `context\.signal` aborts/,
    with: {
      watch: {
        invoke: (input) =>
          capabilityReply(
            input,
            (async function* () {
              yield new Uint8Array(1)
              await never()
            })(),
          ),
      },
    },
  },
  {
    check: 'watch: a body that nobody reads',
    says: /must settle|must be left|must end soon/,
    with: { watch: endless(chunk, never) },
  },
  {
    check: 'watch: a body that nobody reads',
    says: /without an error.*cannot leave|cannot leave/s,
    with: { watch: endless(chunk, failing(new Error('cannot leave')) as never) },
  },
  {
    check: 'store: refuses a streamed body beyond',
    says: /without end for a whole one/,
    with: { store: { invoke: () => 1 } },
  },
  {
    check: 'store: refuses a streamed body beyond',
    says: /although its body has failed/,
    with: { store: { invoke: (_, { body, signal }) => swallow(body, signal) } },
    options: { answerWithinMs: 100 },
  },
  {
    check: 'store: fails when a streamed body',
    says: /broke off for a whole one/,
    with: { store: { invoke: (_, { body }) => count(body).catch(() => 1) } },
  },
  {
    check: 'store: ends when it is cancelled while',
    says: /must end soon/,
    with: { store: { invoke: (_, { body }) => count(body).catch(never) } },
  },
  {
    check: 'store: ends when it is cancelled while',
    says: /must wait for its streamed body/,
    with: { store: { invoke: () => 1 } },
  },
]

async function count(body: AsyncIterable<Uint8Array> | undefined): Promise<number> {
  let bytes = 0
  for await (const part of body ?? []) bytes += part.length
  return bytes
}

/** Goes on after its body has failed, until it is told to end. */
async function swallow(body: AsyncIterable<Uint8Array> | undefined, signal: AbortSignal): Promise<number> {
  await count(body).catch(() => new Promise((resume) => signal.addEventListener('abort', resume)))
  return 1
}

const leaking = (how: Partial<Capability>): Replacements => ({ echo: how })
const unseen = 'echo: shows no secret'
const secrets: Broken[] = [
  {
    check: 'tells the contract',
    says: /its value is not in/,
    with: { provider: { secrets: { token: () => 'another-one' } } },
  },
  { check: 'tells the contract', says: /at least 6 characters/, with: {}, options: { secrets: [token, 'abc'] } },
  {
    check: unseen,
    says: /its value shows secrets\[0\]$/,
    with: leaking({ invoke: () => ({ text: `Bearer ${token}` }) }),
  },
  {
    check: unseen,
    says: /its value shows secrets\[0\] as base64$/,
    with: leaking({ invoke: () => ({ text: btoa(token) }) }),
  },
  {
    check: unseen,
    says: /its value shows secrets\[0\] as hexa/,
    with: leaking({ invoke: () => ({ text: Buffer.from(token).toString('hex') }) }),
  },
  {
    check: unseen,
    says: /its error shows/,
    with: leaking({ invoke: failing(new CapsuleError('ECHO_REFUSED', `not with ${token}`, {})) }),
  },
  {
    check: unseen,
    says: /its error shows/,
    with: leaking({ invoke: failing(new CapsuleError('ECHO_REFUSED', 'take another', { headers: [token] })) }),
  },
  { check: unseen, says: /its description shows/, with: leaking({ describeCall: () => `with ${token}` }) },
  {
    check: unseen,
    says: /its annotations shows/,
    with: leaking({ invoke: (input, { annotate, secrets: { token: used } }) => (annotate({ used: used! }), input) }),
  },
  {
    check: unseen,
    says: /its logs shows/,
    with: leaking({
      invoke: (input, { logger }) => (
        logger.warn('failed', { error: new Error('a', { cause: new Error(token) }) }),
        input
      ),
    }),
  },
  { check: unseen, says: /its definition shows/, with: leaking({ summary: `Uses ${token}.` }) },
  {
    check: 'watch: shows no secret',
    says: /its body shows/,
    with: {
      watch: {
        invoke: (input) =>
          capabilityReply(
            input,
            (async function* () {
              yield Buffer.from(token.slice(0, 5))
              yield Buffer.from(token.slice(5))
            })(),
          ),
      },
    },
  },
]

const disposal: Broken[] = [
  { check: 'is disposed of', says: /must settle the first time/, with: { provider: { [Symbol.asyncDispose]: never } } },
  { check: 'is disposed of', says: /disposed already/, with: { provider: { [Symbol.asyncDispose]: once() } } },
  {
    check: 'holds nothing',
    says: /things are still open/,
    // opens before anyone reads, so that a body that is left unread never closes it
    with: {
      watch: { invoke: (input, context) => (held.count++, capabilityReply(input, ticks({ count: 3 }, context))) },
    },
  },
]

function once(): () => Promise<void> {
  let isDone = false
  return async () => {
    if (isDone) throw new Error('disposed already')
    isDone = true
  }
}

const broken = [...definitions, ...argumentsAndErrors, ...timeAndBodies, ...secrets, ...disposal]

/** Without the name of the capability: the rule. */
const ruleOf = (name: string): string => name.replace(/^(echo|watch|store): /, '')

it.each(broken)('fails "$check" with $says', async ({ check, says, with: replacements, options }) => {
  const found = createProviderChecks({ ...contractOf(replacements), ...options }).filter(({ name }) =>
    name.startsWith(check),
  )
  expect(found).toHaveLength(1)
  expect(found[0]?.skipped).toBeUndefined()
  try {
    await expect(found[0]!.run()).rejects.toThrow(says)
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted')
    held.count = 0
    running = 0
    seenKeys.clear()
  }
})

/** Of capabilities that have no bodies. */
const vacuous = /: its bodies end when|: notices what becomes/

it('has a broken provider for each rule', () => {
  const running = createProviderChecks(contractOf()).filter(
    ({ name, skipped }) => skipped === undefined && !vacuous.test(name),
  )
  const rules = new Set(running.map(({ name }) => ruleOf(name)))
  const seen = broken.map(({ check }) => ruleOf(check))
  expect([...rules].filter((rule) => !seen.some((start) => rule.startsWith(start)))).toEqual([])
})

it('skips what the options leave out, and says why', async () => {
  const { secrets: _secrets, countHeld: _countHeld, ...options } = contractOf()
  const samples = { echo: { valid: [['a']], isSafeToFuzz: false }, watch: { valid: [[1]] }, store: { valid: [['a']] } }
  const checks = createProviderChecks({ ...options, calls: samples })
  const results = checks.map(async ({ name, skipped, run }) => [
    name,
    skipped ?? (await run().catch(() => undefined))?.skipped,
  ])
  const skipped = (await Promise.all(results)).filter(([, reason]) => reason !== undefined)
  expect(skipped.map((line) => line.join(': '))).toMatchInlineSnapshot(`
    [
      "echo: hostile arguments that it admits end in an answer or an error with a code: \`isSafeToFuzz\` is false",
      "echo: refuses with codes of its table: no \`refused\` calls",
      "echo: a slow call ends when it is told to: no \`slow\` call",
      "echo: a large answer ends in an error with a code: no \`large\` call",
      "echo: shows no secret in answers, errors, descriptions, annotations and logs: no \`secrets\` to look for",
      "watch: refuses with codes of its table: no \`refused\` calls",
      "watch: a slow call ends when it is told to: no \`slow\` call",
      "watch: a large answer ends in an error with a code: no \`large\` call",
      "watch: its bodies end when they are left, cancelled or never read: no \`streamed\` call",
      "watch: shows no secret in answers, errors, descriptions, annotations and logs: no \`secrets\` to look for",
      "store: refuses with codes of its table: no \`refused\` calls",
      "store: a slow call ends when it is told to: no \`slow\` call",
      "store: a large answer ends in an error with a code: no \`large\` call",
      "store: notices what becomes of a streamed body: no \`valid\` call with a \`body\`",
      "store: shows no secret in answers, errors, descriptions, annotations and logs: no \`secrets\` to look for",
      "holds nothing once it is disposed of, whatever became of its calls: no \`countHeld\`",
    ]
  `)
})
