import { capabilityReply, CapsuleError, coreErrors } from '@capsule/core'
import { createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { capabilityOf, codeOf, encodeArgs, openSession, providerOf, settled, valueOf } from '../test/fixture.ts'
import { createCapabilityBroker } from './capability-broker.ts'
import { createCapabilityRegistry } from './capability-registry.ts'
import { policies } from './predefined-policies.ts'

const never = (): Promise<never> => new Promise(() => {})

describe('a call', () => {
  it('is made when a rule allows it, and refused when none does', async () => {
    const { call, session } = openSession(
      [providerOf('files', { read: ({ path, encoding }) => `${String(path)} as ${String(encoding)}`, write: () => 1 })],
      { policy: { name: 'reading', rules: [{ id: 'read', effect: 'allow', capability: 'files.read' }] } },
    )
    expect(valueOf(await call('files.read', ['a.txt', { encoding: 'utf8' }]))).toBe('a.txt as utf8')
    expect(await call('files.write', ['a.txt'])).toEqual({
      kind: 'error',
      error: {
        name: 'CapsuleError',
        code: 'CAPABILITY_DENIED',
        message: "files.write is denied by the rule 'default': no rule of the policy 'reading' allows it",
      },
    })
    expect(codeOf(await call('files.other'))).toBe('CAPABILITY_UNKNOWN')
    expect(session.info()).toMatchObject({
      calls: 3,
      pending: 0,
      decisions: { allowed: 1, denied: 1, refused: 1 },
      outcomes: { ok: 1 },
    })
  })

  it('tells the handler what it is', async () => {
    const seen = createRecorder<object>()
    const { call } = openSession([
      providerOf('p', { do: (_, context) => seen.record({ ...context }) }, { token: () => 'abcdefgh' }),
    ])
    await call('p.do', [], { idempotencyKey: 'k', timeoutMs: 500, callId: 'c-1' })
    expect(seen.values[0]).toMatchObject({
      capability: 'p.do',
      sessionId: 'session-1',
      executionId: 'execution-1',
      callId: 'c-1',
      idempotencyKey: 'k',
      secrets: { token: 'abcdefgh' },
      limits: { timeoutMs: 500, inputBytes: 10_000, outputBytes: 10_000, concurrent: 16 },
    })
  })

  it('is lowered by its rule, and never raised', async () => {
    const seen = createRecorder<object>()
    const rule = (timeoutMs: number, outputBytes: number) => ({
      id: 'r',
      effect: 'allow' as const,
      capability: '*',
      limits: { perCall: { timeoutMs, outputBytes } },
    })
    const { call, session } = openSession([providerOf('p', { do: (_, { limits }) => seen.record(limits) })], {
      policy: { name: 'p', rules: [rule(10, 1e9)] },
    })
    await call('p.do')
    session.setPolicy({ name: 'p', rules: [rule(1e9, 100)] })
    await call('p.do', [], { timeoutMs: 5000 })
    expect(seen.values).toMatchObject([
      { timeoutMs: 10, outputBytes: 10_000 },
      { timeoutMs: 1000, outputBytes: 100 },
    ])
  })

  it.each<[string, unknown[], object, string]>([
    ['wrong arguments', ['a', 'b', 'c'], {}, 'arguments: 3 are given'],
    ['an empty key', ['a'], { idempotencyKey: '' }, 'idempotencyKey: must be a string of 1 to 256 characters'],
    ['a long key', ['a'], { idempotencyKey: 'k'.repeat(257) }, 'idempotencyKey'],
    ['a timeout of 0', ['a'], { timeoutMs: 0 }, 'timeoutMs: must be a number above 0'],
    ['a timeout that is none', ['a'], { timeoutMs: Number.NaN }, 'timeoutMs'],
  ])('says what is wrong with %s', async (_, args, more, problem) => {
    const { call } = openSession([providerOf('p', { do: () => 1 })])
    expect(await call('p.do', args, more)).toMatchObject({
      error: { code: 'CAPABILITY_ARGUMENTS_INVALID', message: expect.stringContaining(problem) },
    })
  })

  it('says what the check of the input says', async () => {
    const problems = Array.from({ length: 100 }, (_, index) => `f${index}: is wrong`)
    const { call } = openSession([
      providerOf('p', {
        do: capabilityOf(() => 1, { checkInput: () => ({ isValid: false, problems }) }),
        break: capabilityOf(() => 1, {
          checkInput: () => {
            throw new Error('in the check')
          },
        }),
      }),
    ])
    const answer = await call('p.do')
    expect(answer).toMatchObject({ error: { message: expect.stringContaining('f0: is wrong; f1: is wrong') } })
    expect(answer).not.toMatchObject({ error: { message: expect.stringContaining('f20') } })
    expect(codeOf(await call('p.break'))).toBe('CAPABILITY_FAILED')
  })

  it('matches rules with the checked input, not with what the cell sent', async () => {
    const checkInput = (input: unknown) => ({
      isValid: true as const,
      value: { path: `data:/${String((input as { path: string }).path)}` },
    })
    const { call } = openSession([providerOf('p', { do: capabilityOf(({ path }) => path, { checkInput }) })], {
      policy: {
        name: 'p',
        rules: [{ id: 'r', effect: 'allow', capability: 'p.do', when: { path: { equals: 'data:/a' } } }],
      },
    })
    expect(valueOf(await call('p.do', ['a']))).toBe('data:/a')
    expect(await call('p.do', ['data:/a'])).toMatchObject({
      error: { message: expect.stringContaining(`for 'r', path must be "data:/a"`) },
    })
  })

  it('crosses whole or not at all', async () => {
    const circular: unknown[] = []
    circular.push(circular)
    const results: Record<string, unknown> = {
      fits: 'x'.repeat(9000),
      large: 'x'.repeat(10_001),
      huge: new Uint8Array(1e6),
      function: { a: () => 1 },
      top: () => 1,
      promise: { p: Promise.resolve() },
      deep: Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 1),
      circular,
      nothing: undefined,
    }
    const { call } = openSession([providerOf('p', { do: ({ path }) => results[path as string] })])
    const codes = await Promise.all(Object.keys(results).map(async (key) => [key, codeOf(await call('p.do', [key]))]))
    expect(Object.fromEntries(codes)).toEqual({
      fits: 'ok',
      large: 'CAPABILITY_RESULT_TOO_LARGE',
      huge: 'CAPABILITY_RESULT_TOO_LARGE',
      function: 'CAPABILITY_RESULT_INVALID',
      top: 'CAPABILITY_RESULT_INVALID',
      promise: 'CAPABILITY_RESULT_INVALID',
      deep: 'CAPABILITY_RESULT_INVALID',
      circular: 'ok',
      nothing: 'ok',
    })
    expect(await call('p.do', ['large'])).toMatchObject({
      error: { message: 'the result of p.do has at least 10004 bytes, more than outputBytes, which is 10000' },
    })
  })

  it('is refused when its arguments are too large', async () => {
    const { call } = openSession([providerOf('p', { do: () => 1 })])
    expect(await call('p.do', ['x'.repeat(10_000)])).toMatchObject({
      error: { code: 'CAPABILITY_INPUT_TOO_LARGE', message: expect.stringContaining('inputBytes, which is 10000') },
    })
  })

  it('is refused when the result is not what the capability promises', async () => {
    const { call } = openSession([
      providerOf('p', {
        do: capabilityOf(() => 1, { checkOutput: () => ({ isValid: false, problems: ['text: is missing'] }) }),
        stream: () => capabilityReply(1, (async function* () {})()),
      }),
    ])
    expect(await call('p.do')).toMatchObject({
      error: { code: 'CAPABILITY_RESULT_INVALID', message: expect.stringContaining('text: is missing') },
    })
    expect(codeOf(await call('p.stream'))).toBe('CAPABILITY_RESULT_INVALID')
  })
})

describe('what a handler throws', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('get')
      },
      getPrototypeOf: () => {
        throw new Error('proto')
      },
    },
  )
  const named = (fields: object): unknown => Object.assign(new Error('the message'), fields)

  it.each<[string, unknown, string, string | undefined]>([
    ['a CapsuleError', new CapsuleError('FILE_NOT_FOUND', 'no file', {}), 'FILE_NOT_FOUND', 'no file'],
    ['one of another copy', named({ name: 'CapsuleError', code: 'FILE_GONE' }), 'FILE_GONE', 'the message'],
    ['a code of a strange form', named({ name: 'CapsuleError', code: 'x y' }), 'CAPABILITY_FAILED', undefined],
    ['an error', new Error('password is hunter2'), 'CAPABILITY_FAILED', undefined],
    ['a system error', named({ code: 'ENOENT' }), 'CAPABILITY_FAILED', undefined],
    ['nothing', undefined, 'CAPABILITY_FAILED', undefined],
    ['a symbol', Symbol('s'), 'CAPABILITY_FAILED', undefined],
    ['a proxy', hostile, 'CAPABILITY_FAILED', undefined],
    ['an object without a prototype', Object.create(null), 'CAPABILITY_FAILED', undefined],
  ])('reaches the cell with its code, or not at all: %s', async (_, thrown, code, message) => {
    const { call, records, session } = openSession([
      providerOf('p', {
        now: () => {
          throw thrown
        },
        later: () => Promise.reject(thrown),
      }),
    ])
    for (const capability of ['p.now', 'p.later']) {
      const answer = await call(capability)
      const untold = `${capability} failed in its provider (the host's audit has the reason)`
      expect(answer).toEqual({ kind: 'error', error: { name: 'CapsuleError', code, message: message ?? untold } })
    }
    expect(records.at(-1)).toMatchObject({ type: 'call', outcome: 'failed', code, detail: expect.any(String) })
    expect(session.info()).toMatchObject({ pending: 0, outcomes: { failed: 2 } })
  })

  it('is told to the host', async () => {
    const { call, records, logger } = openSession([providerOf('p', { do: () => Promise.reject(new Error('disk 7')) })])
    await call('p.do', [], { callId: 'c' })
    expect(records.at(-1)?.detail).toContain('Error: disk 7')
    expect(logger.lines).toMatchObject([
      { level: 'warn', fields: { sessionId: 'session-1', callId: 'c', detail: expect.stringContaining('disk 7') } },
    ])
  })

  it('does not matter when it is a result that fights back', async () => {
    const { call } = openSession([providerOf('p', { do: () => ({ inner: hostile }), be: () => hostile })])
    for (const name of ['p.do', 'p.be']) {
      expect(['CAPABILITY_FAILED', 'CAPABILITY_RESULT_INVALID']).toContain(codeOf(await call(name)))
    }
  })
})

describe('the end of a call', () => {
  it('comes at its deadline, also when the handler does not care', async () => {
    const { call, clock, records, session, logger } = openSession([
      providerOf('p', { do: capabilityOf(never, { limits: { concurrent: 1, timeoutMs: 100 } }) }),
    ])
    const first = call('p.do')
    clock.advance(99)
    expect(session.info().pending).toBe(1)
    clock.advance(1)
    expect(await waitFor(first)).toMatchObject({
      error: { code: 'CAPABILITY_TIMED_OUT', message: 'p.do took longer than 100 ms (timeoutMs)' },
    })
    expect(records.at(-1)).toMatchObject({ type: 'call', outcome: 'timed-out', durationMs: 100 })
    // it keeps its place for a while, and then no longer
    const second = call('p.do')
    expect(session.info()).toMatchObject({ waiting: 1, lateHandlers: 1 })
    clock.advance(5000)
    expect(session.info()).toMatchObject({ waiting: 0, lateHandlers: 1 })
    expect(logger.lines.map(({ message }) => message)).toContain('a handler still runs after its call')
    await settled()
    clock.advance(100)
    expect(codeOf(await waitFor(second))).toBe('CAPABILITY_TIMED_OUT')
  })

  it('may come between its turn and its start', async () => {
    const made: unknown[] = []
    const { call, clock, session } = openSession([
      providerOf('p', {
        do: capabilityOf(
          ({ path }) => {
            made.push(path)
            return path === 'first' ? never() : path
          },
          { limits: { concurrent: 1 } },
        ),
      }),
    ])
    const controller = new AbortController()
    const calls = [call('p.do', ['first'], { timeoutMs: 10 }), call('p.do', ['second'], { signal: controller.signal })]
    await settled()
    clock.advance(10)
    clock.advance(5000)
    controller.abort()
    expect((await waitFor(Promise.all(calls))).map(codeOf)).toEqual(['CAPABILITY_TIMED_OUT', 'CANCELLED'])
    expect(valueOf(await call('p.do', ['third']))).toBe('third')
    expect(made).toEqual(['first', 'third'])
    expect(session.info()).toMatchObject({ pending: 0, waiting: 0 })
  })

  it('drops a result that comes later, and tells the audit', async () => {
    const late = Promise.withResolvers<string>()
    const signals: AbortSignal[] = []
    const { call, records, session } = openSession([
      providerOf('p', {
        do: (_, { signal, annotate }) => {
          signals.push(signal)
          annotate({ file: 'x' })
          return late.promise
        },
      }),
    ])
    const controller = new AbortController()
    const answer = call('p.do', [], { signal: controller.signal })
    controller.abort()
    expect(codeOf(await waitFor(answer))).toBe('CANCELLED')
    expect(signals[0]?.aborted).toBe(true)
    expect(coreErrors.CANCELLED.is(signals[0]?.reason)).toBe(true)
    late.resolve('secret')
    await late.promise
    await Promise.resolve()
    expect(records.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
      'decision allowed',
      'call cancelled',
      'late-result late',
    ])
    expect(records.at(-1)?.annotations).toEqual({ file: 'x' })
    expect(session.info()).toMatchObject({ lateHandlers: 0, outcomes: { cancelled: 1, late: 1 } })
  })

  it('leaves nothing behind: timers, listeners, places', async () => {
    const { call, clock, session } = openSession([
      providerOf('p', { ok: () => 1, fail: () => Promise.reject(new Error('x')) }),
    ])
    let listeners = 0
    const { signal } = new AbortController()
    const counting = new Proxy(signal, {
      get(target, key) {
        if (key === 'addEventListener') listeners++
        if (key === 'removeEventListener') listeners--
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const calls = Array.from({ length: 50 }, (_, index) =>
      call(index % 2 ? 'p.ok' : 'p.fail', [], { signal: counting, timeoutMs: 50 }),
    )
    expect(listeners).toBe(1)
    await Promise.all(calls)
    expect([clock.pendingTimers, listeners, session.info().pending, session.info().waiting]).toEqual([0, 0, 0, 0])
  })

  it('answers nothing for a cell that is gone already', async () => {
    const { call } = openSession([providerOf('p', { do: () => 1 })])
    expect(codeOf(await call('p.do', [], { signal: AbortSignal.abort() }))).toBe('CANCELLED')
  })
})

describe('concurrency', () => {
  it('is what the capability and the rule say, in order', async () => {
    const running: string[] = []
    let most = 0
    const gates = new Map<string, () => void>()
    const { call, session } = openSession(
      [
        providerOf('p', {
          do: capabilityOf(
            async ({ path }) => {
              running.push(path as string)
              most = Math.max(most, running.length)
              await new Promise<void>((resolve) => gates.set(path as string, resolve))
              running.splice(running.indexOf(path as string), 1)
            },
            { limits: { concurrent: 3 } },
          ),
        }),
      ],
      {
        policy: {
          name: 'p',
          rules: [{ id: 'r', effect: 'allow', capability: '*', limits: { perExecution: { concurrent: 2 } } }],
        },
      },
    )
    const calls = ['a', 'b', 'c', 'd'].map((path) => call('p.do', [path]))
    const other = ['e', 'f'].map((path) => call('p.do', [path], { executionId: 'execution-2' }))
    await settled()
    expect(running).toEqual(['a', 'b', 'e'])
    expect(session.info()).toMatchObject({ pending: 6, waiting: 3 })
    gates.get('a')?.()
    await waitFor(calls[0]!)
    await settled()
    // c is older than f, and both could go
    expect(running).toEqual(['b', 'e', 'c'])
    for (const path of ['b', 'e', 'c', 'd', 'f']) {
      gates.get(path)?.()
      await waitFor([...calls, ...other]['abcdef'.indexOf(path)]!)
      await settled()
    }
    expect(most).toBe(3)
  })

  it('makes a thousand calls in their order', async () => {
    const order: number[] = []
    const { call } = openSession([
      providerOf('p', {
        do: async ({ path }) => {
          await Promise.resolve()
          order.push(path as number)
          return path
        },
      }),
    ])
    const numbers = Array.from({ length: 1000 }, (_, index) => index)
    const answers = await Promise.all(numbers.map((number) => call('p.do', [number])))
    expect(answers.map(valueOf)).toEqual(numbers)
    expect(order).toEqual(numbers)
  })

  it('bounds what waits', async () => {
    const { call, session } = openSession(
      [providerOf('p', { do: capabilityOf(never, { limits: { concurrent: 1 } }) })],
      {
        limits: { pendingCalls: 3, pendingBytes: 5000 },
      },
    )
    const pending = [call('p.do'), call('p.do')]
    expect(await call('p.do', ['x'.repeat(5000)])).toMatchObject({
      error: { message: 'p.do was refused: pendingBytes of the session is limited to 5000' },
    })
    pending.push(call('p.do'))
    expect(await call('p.do')).toMatchObject({
      error: { code: 'CAPABILITY_OVERLOADED', message: expect.stringContaining('pendingCalls') },
    })
    session.close()
    expect((await Promise.all(pending)).map(codeOf)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED'])
  })

  it('counts the time for its turn into the timeout of the cell only', async () => {
    const { call, clock } = openSession([
      providerOf('p', { do: capabilityOf(never, { limits: { concurrent: 1, timeoutMs: 100 } }) }),
    ])
    const [first, patient, hasty] = [call('p.do'), call('p.do'), call('p.do', [], { timeoutMs: 40 })]
    clock.advance(40)
    expect(await waitFor(hasty)).toMatchObject({ error: { message: 'p.do took longer than 40 ms (timeoutMs)' } })
    clock.advance(60)
    expect(codeOf(await waitFor(first))).toBe('CAPABILITY_TIMED_OUT')
    clock.advance(5000)
    await settled()
    clock.advance(99)
    const none = Symbol('none')
    expect(await Promise.race([patient, Promise.resolve(none)])).toBe(none)
    clock.advance(1)
    expect(codeOf(await waitFor(patient))).toBe('CAPABILITY_TIMED_OUT')
  })
})

describe('the broker', () => {
  it('checks its options', () => {
    const registry = createCapabilityRegistry()
    const options = (changes: object) => () => createCapabilityBroker({ registry, ...changes })
    expect(options({ auditt: {} })).toThrow(/auditt/)
    expect(options({ limits: { pendingCall: 1 } })).toThrow(/pendingCall/)
    expect(options({ limits: { rememberedKeys: 0 } })).toThrow(/rememberedKeys/)
    expect(options({ registry: undefined })).toThrow(/registry/)
    const broker = createCapabilityBroker({ registry })
    expect(() => broker.open({ sessionId: '', policy: policies.sandbox })).toThrow(/sessionId/)
    expect(() => broker.open({ sessionId: 's', policy: { name: 'p', rules: [{}] } as never })).toThrow(
      expect.objectContaining({ code: 'POLICY_INVALID' }),
    )
  })

  it('keeps sessions apart', async () => {
    const registry = createCapabilityRegistry([providerOf('p', { do: (_, { sessionId }) => sessionId })])
    const broker = createCapabilityBroker({ registry })
    const [open, closed] = [
      broker.open({ sessionId: 'a', policy: policies.unrestricted }),
      broker.open({ sessionId: 'b', policy: policies.sandbox }),
    ]
    const request = { executionId: 'e', callId: 'c', capability: 'p.do', args: encodeArgs([]) }
    const ports = { signal: new AbortController().signal, approve: never }
    expect(valueOf(await open.call(request, ports))).toBe('a')
    expect(codeOf(await closed.call(request, ports))).toBe('CAPABILITY_DENIED')
  })
})
