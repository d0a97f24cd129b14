import { once } from 'node:events'
import { type Capability, type CapabilityContext, capabilityReply, defineErrors } from '@capsule/core'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { defineProvider } from '../define-provider.ts'
import { streamable } from '../streamable.ts'
import { callCapability } from './call-capability.ts'
import type { CapabilityCallOptions } from './call-request.ts'

const errors = defineErrors({ NOTE_MISSING: { message: () => 'no such note', cause: '', next: '' } })

interface Parts {
  readonly bodyField?: 'a'
  readonly returns?: Capability['returns']
  readonly output?: z.ZodType
}

/** A provider of one capability, `t.call`, that takes `{ a, b }`. */
function providing(
  handler: (input: { a?: unknown; b?: unknown }, context: CapabilityContext) => unknown,
  { output = z.unknown(), ...parts }: Parts = {},
) {
  const input = z.strictObject({ a: streamable(z.unknown()).optional(), b: z.unknown().optional() })
  return defineProvider({
    name: 't',
    specificationVersion: 'v1',
    secrets: { token: () => 'abc' },
    capabilities: { call: { summary: 'Calls.', input, output, positional: ['a'], handler, ...parts } },
  })
}

it('maps, checks and copies arguments, and gives a context', async () => {
  const given = { nested: [1] }
  const provider = providing(({ a, b }, context) => {
    context.annotate({ bytes: 5 })
    context.logger.child({ n: 1 }).info('called', { m: 2 })
    const { signal, limits, secrets, ...others } = context
    return {
      a,
      b,
      isCopy: a !== given,
      token: secrets['token'],
      limits,
      isAborted: signal.aborted,
      key: others.idempotencyKey,
    }
  })
  const call = await callCapability(provider, 'call', [[given], { b: 2, idempotencyKey: 'k', timeoutMs: 50 }], {
    limits: { outputBytes: 500, timeoutMs: 100 },
  })
  expect(call).toMatchObject({
    value: { a: [given], b: 2, isCopy: true, token: 'abc', isAborted: false, key: 'k' },
    annotations: { bytes: 5 },
    logs: [{ level: 'info', message: 'called', fields: { n: 1, m: 2 } }],
    description: '{"a":[{"nested":[1]}],"b":2}',
    chunks: undefined,
  })
  expect(call.value).toMatchObject({ limits: { outputBytes: 500, timeoutMs: 50, concurrent: 16 } })
})

it('refuses what the input schema refuses, and what cannot cross, without calling', async () => {
  const provider = providing(() => expect.unreachable())
  const refused = { code: 'CAPABILITY_ARGUMENTS_INVALID' }
  await expect(callCapability(provider, 'call', [{ c: 1 }])).rejects.toMatchObject(refused)
  await expect(callCapability(provider, 'call', [() => {}])).rejects.toMatchObject(refused)
  await expect(callCapability(provider, 'call', [1, 2])).rejects.toMatchObject(refused)
  await expect(callCapability(provider, 'other')).rejects.toMatchObject({ code: 'CAPABILITY_UNKNOWN' })
  await expect(callCapability(provider, 'toString')).rejects.toMatchObject({ code: 'CAPABILITY_UNKNOWN' })
  await expect(
    callCapability(provider, 'call', ['x'.repeat(100)], { limits: { inputBytes: 99 } }),
  ).rejects.toMatchObject({ code: 'CAPABILITY_INPUT_TOO_LARGE' })
})

it('refuses what the output schema refuses, what cannot cross and what is too large', async () => {
  const answer = (value: unknown, output?: z.ZodType) =>
    callCapability(
      providing(() => value, output === undefined ? {} : { output }),
      'call',
      [],
      { limits: { outputBytes: 1000 } },
    )
  const invalid = { code: 'CAPABILITY_RESULT_INVALID' }
  await expect(answer(5, z.string())).rejects.toMatchObject(invalid)
  await expect(answer({ f: () => {} })).rejects.toMatchObject(invalid)
  await expect(answer(capabilityReply(1, streamOf([]).body))).rejects.toMatchObject(invalid)
  await expect(answer('x'.repeat(2000))).rejects.toMatchObject({ code: 'CAPABILITY_RESULT_TOO_LARGE' })
  expect((await answer(undefined)).value).toBeUndefined()
})

it('passes typed errors on and hides others', async () => {
  const typed = errors.NOTE_MISSING(undefined)
  const plain = new Error('/home/ada/secret')
  const throwing = (error: Error) =>
    callCapability(
      providing(() => Promise.reject(error)),
      'call',
    )
  await expect(throwing(typed)).rejects.toBe(typed)
  await expect(throwing(plain)).rejects.toMatchObject({ code: 'CAPABILITY_FAILED', cause: plain })
  await expect(throwing(plain)).rejects.toThrow(/^t\.call failed with an error that is no CapsuleError/)
})

it('ends at the deadline and when it is cancelled, whatever the handler does', async () => {
  const clock = createFakeClock()
  const aborts: string[] = []
  const provider = providing(async (_, { signal }) => {
    signal.addEventListener('abort', () => aborts.push((signal.reason as { code: string }).code))
    return new Promise(() => {})
  })
  const late = callCapability(provider, 'call', [], { timeoutMs: 50, clock })
  await clock.timerSet()
  clock.advance(50)
  await expect(late).rejects.toMatchObject({ code: 'CAPABILITY_TIMED_OUT', message: 't.call took longer than 50 ms' })
  const controller = new AbortController()
  const cancelled = callCapability(provider, 'call', [{ signal: controller.signal }])
  controller.abort('enough')
  await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
  const neverCalled = providing(() => expect.unreachable())
  await expect(callCapability(neverCalled, 'call', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'CANCELLED',
  })
  expect(aborts).toEqual(['CAPABILITY_TIMED_OUT', 'CANCELLED'])
})

/** A body, and whether it was left or ended. */
function streamOf(chunks: Iterable<unknown>) {
  const state = { isDone: false }
  async function* body() {
    try {
      yield* chunks
    } finally {
      state.isDone = true
    }
  }
  return { body: body(), state }
}

it('aborts the signal of a call that failed or was left, and of no other', async () => {
  const call = async (value: unknown, options: CapabilityCallOptions = {}): Promise<unknown> => {
    const signals: AbortSignal[] = []
    const provider = providing((_, { signal }) => (signals.push(signal), value), { returns: 'body' })
    await callCapability(provider, 'call', [], options).catch(() => {})
    return (signals[0]?.reason as { code?: string } | undefined)?.code
  }
  expect(await call('a')).toBeUndefined()
  expect(await call(capabilityReply('a', streamOf(['b', 'c']).body))).toBeUndefined()
  expect(await call(capabilityReply('a', streamOf(['b', 'c']).body), { maxChunks: 1 })).toBe('CANCELLED')
  expect(await call(() => {})).toBe('CAPABILITY_RESULT_INVALID')
})

it('fails when a secret cannot be had, and refuses a body given twice', async () => {
  const input = z.strictObject({ content: streamable(z.string()).optional() })
  const provider = defineProvider({
    name: 't',
    specificationVersion: 'v1',
    secrets: { token: () => '' },
    capabilities: {
      call: { summary: 'Calls.', input, output: z.any(), bodyField: 'content', handler: () => expect.unreachable() },
    },
  })
  await expect(callCapability(provider, 'call')).rejects.toMatchObject({ code: 'PROVIDER_SECRET_UNAVAILABLE' })
  await expect(callCapability(provider, 'call', [{ content: 'a' }], { body: [] })).rejects.toMatchObject({
    code: 'CAPABILITY_ARGUMENTS_INVALID',
  })
})

it('reads the body of a reply, within the limits, and leaves it early', async () => {
  const two = [Buffer.from('a'), Buffer.from('b')]
  const read = (stream: ReturnType<typeof streamOf>, options = {}) =>
    callCapability(
      providing(() => capabilityReply('v', stream.body), { returns: 'body' }),
      'call',
      [],
      options,
    )
  const whole = await read(streamOf(two))
  expect([whole.value, whole.text(), whole.chunks?.length]).toEqual(['v', 'ab', 2])
  const early = streamOf(two)
  expect((await read(early, { maxChunks: 1 })).text()).toBe('a')
  expect(early.state.isDone).toBe(true)
  const large = streamOf(two)
  await expect(read(large, { limits: { outputBytes: 7 } })).resolves.toBeDefined()
  // the value, which takes 5, and the body share the limit
  await expect(read(streamOf(two), { limits: { outputBytes: 6 } })).rejects.toMatchObject({
    code: 'CAPABILITY_RESULT_TOO_LARGE',
  })
  const tooLarge = streamOf([new Uint8Array(8), new Uint8Array(8), new Uint8Array(8)])
  await expect(read(tooLarge, { limits: { outputBytes: 20 } })).rejects.toMatchObject({
    code: 'CAPABILITY_RESULT_TOO_LARGE',
  })
  expect(tooLarge.state.isDone).toBe(true)
  const values = await read(streamOf([{ n: 1 }]))
  expect(values.chunks).toEqual([{ n: 1 }])
  expect(() => values.bytes()).toThrow(TypeError)
})

it('streams a body in, within the limits and while the call runs', async () => {
  const provider = providing(
    async (_, { body }) => {
      let text = ''
      for await (const chunk of body!) text += Buffer.from(chunk).toString()
      return text
    },
    { bodyField: 'a' },
  )
  const bytes = ['a', 'b', 'c'].map((text) => Buffer.from(text.repeat(10)))
  expect(await callCapability(provider, 'call', [], { body: bytes })).toMatchObject({
    value: `${'a'.repeat(10)}${'b'.repeat(10)}${'c'.repeat(10)}`,
  })
  await expect(callCapability(provider, 'call', [], { body: bytes, limits: { inputBytes: 25 } })).rejects.toMatchObject(
    {
      code: 'CAPABILITY_INPUT_TOO_LARGE',
    },
  )
  const controller = new AbortController()
  const stalled = (async function* () {
    controller.abort()
    await once(new EventTarget(), 'never')
    yield new Uint8Array()
  })()
  await expect(
    callCapability(provider, 'call', [], { body: stalled, signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'CANCELLED' })
  await expect(
    callCapability(
      providing(() => 1),
      'call',
      [],
      { body: bytes },
    ),
  ).rejects.toMatchObject({
    code: 'CAPABILITY_ARGUMENTS_INVALID',
  })
})
