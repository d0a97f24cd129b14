import { createCapsule, createMemoryAudit, definePolicy, policies } from '@capsule/host'
import { capabilityBody, capabilityReply, defineErrors, defineProvider } from '@capsule/provider-sdk'
import type { Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod'
import { workerMarker } from './worker-marker.ts'

const errors = defineErrors({
  TEST_REFUSED: { message: ({ why }: { why: string }) => `refused: ${why}`, cause: 'A test.', next: 'None.' },
})
const any = z.unknown()

/** What tests call; `log` says what became of the handlers. */
function createTools(log: string[] = []) {
  const asked = Promise.withResolvers<AbortSignal>()
  const provider = defineProvider({
    name: 'tools',
    specificationVersion: 'v1',
    secrets: { token: 'sesame-123' },
    dispose: () => void log.push('disposed'),
    capabilities: {
      echo: {
        summary: 'Gives back what it was given.',
        effect: 'read',
        input: z.strictObject({ value: any }),
        output: any,
        positional: ['value'],
        limits: { concurrent: 1000 },
        handler: ({ value }) => value,
      },
      fail: {
        summary: 'Fails.',
        input: z.strictObject({ how: z.enum(['typed', 'other']) }),
        output: any,
        handler({ how }, { secrets }) {
          throw how === 'typed' ? errors.TEST_REFUSED({ why: `because of ${secrets['token']}` }) : new Error('inside')
        },
      },
      wait: {
        summary: 'Waits for its signal.',
        input: z.strictObject({}),
        output: any,
        handler: (_, { signal }) =>
          new Promise((_resolve, reject) => {
            asked.resolve(signal)
            signal.addEventListener('abort', () => {
              log.push('aborted')
              reject(signal.reason as Error)
            })
          }),
      },
      upload: {
        summary: 'Counts the bytes of a body.',
        input: z.strictObject({ name: z.string(), data: z.custom<symbol>((value) => value === capabilityBody) }),
        output: z.number(),
        positional: ['name', 'data'],
        bodyField: 'data',
        limits: { inputBytes: 100_000_000 },
        async handler(_, { body }) {
          let bytes = 0
          for await (const chunk of body ?? []) bytes += chunk.length
          return bytes
        },
      },
      download: {
        summary: 'Sends as many bytes as asked for.',
        effect: 'read',
        input: z.strictObject({ bytes: z.number() }),
        output: any,
        positional: ['bytes'],
        returns: 'body',
        limits: { outputBytes: 100_000_000 },
        handler: ({ bytes }) => capabilityReply({ size: bytes }, piecesOf(bytes, log)),
      },
    },
  })
  return { provider, log, asked: asked.promise }
}

async function* piecesOf(bytes: number, log: string[]): AsyncGenerator<Uint8Array> {
  try {
    for (let rest = bytes; rest > 0; rest -= 65_536) yield new Uint8Array(Math.min(rest, 65_536)).fill(97)
  } finally {
    log.push('body over')
  }
}

const env = workerMarker()

/** Each cell brings what the worker has said of channels so far. */
async function untilClosed(session: Session): Promise<void> {
  const closed = async (): Promise<void> => {
    while (session.info().streams.open > 0) await session.run('await new Promise((go) => setImmediate(go))')
  }
  await waitFor(closed(), { what: 'the end of all channels' })
}

describe.each(['threaded', 'async'] as const)('capabilities, %s', (executor) => {
  async function open(options: Parameters<Awaited<ReturnType<typeof createCapsule>>['createSession']>[0] = {}) {
    const tools = createTools()
    const audit = createMemoryAudit()
    const capsule = await createCapsule({ executor, isolation: 'process', audit })
    onTestFinished(() => capsule.shutdown())
    const session = await capsule.createSession({ capabilities: [tools.provider], env, ...options })
    const value = async (code: string): Promise<unknown> => {
      const { outcome } = await session.run(code)
      if (outcome.status !== 'ok')
        throw new Error(`${outcome.status}: ${outcome.error?.code ?? outcome.error?.message}`)
      return outcome.value
    }
    const codeOf = (call: string): Promise<unknown> =>
      value(`await ${call}.then(() => 'no error', (error) => error.code)`)
    return { ...tools, capsule, session, audit, value, codeOf }
  }

  it('brings plain data and bytes both ways, also when they are large', async () => {
    const { value } = await open()
    expect(
      await value('await caps.tools.echo({ value: { a: [1, 2n, new Date(0)], b: new Uint8Array([1, 2]) } })'),
    ).toEqual({
      a: [1, 2n, new Date(0)],
      b: new Uint8Array([1, 2]),
    })
    expect(await value('(await caps.tools.echo("x".repeat(500_000))).length')).toBe(500_000)
    expect(await value('(await caps.tools.echo(new Uint8Array(900_000))).length')).toBe(900_000)
  })

  it('answers a thousand calls at once, in the order of the calls', async () => {
    const { value, session } = await open()
    const code = `const order = []
await Promise.all(Array.from({ length: 1000 }, async (_, index) => order.push(await caps.tools.echo(index))))
order.every((index, place) => index === place) && order.length`
    expect(await value(code)).toBe(1000)
    expect(session.info().counters.invalidMessages).toBe(0)
  })

  it('tells errors by their code, keeps secrets and inner errors in the host, and goes on', async () => {
    const { session, value, codeOf, audit } = await open()
    const { outcome } = await session.run('await caps.tools.fail({ how: "typed" })')
    expect(outcome.error).toMatchObject({ code: 'TEST_REFUSED', message: 'refused: because of [token]' })
    expect(await codeOf('caps.tools.fail({ how: "other" })')).toBe('CAPABILITY_FAILED')
    expect(await codeOf('caps.tools.fail({ how: "unknown" })')).toBe('CAPABILITY_ARGUMENTS_INVALID')
    expect(await codeOf('caps.tools.fail({ how: "typed", extra: 1 })')).toBe('CAPABILITY_ARGUMENTS_INVALID')
    expect(await codeOf('caps.tools.echo(new Uint8Array(2_000_000))')).toBe('CAPABILITY_INPUT_TOO_LARGE')
    expect(await value('await caps.tools.echo("fine")')).toBe('fine')
    expect(JSON.stringify(audit.records)).not.toContain('sesame')
  })

  it('aborts what a cancelled cell has called, and what a cell leaves behind', async () => {
    const { session, asked, log, codeOf, value } = await open()
    const execution = session.execute('await caps.tools.wait()')
    const signal = await waitFor(asked)
    const outcome = await execution.cancel()
    expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    expect([signal.aborted, log]).toEqual([true, ['aborted']])
    expect(await value('void caps.tools.wait(); 1')).toBe(1)
    expect(await codeOf('caps.tools.wait({ timeoutMs: 20 })')).toBe('CAPABILITY_TIMED_OUT')
    expect(await codeOf('caps.tools.wait({ signal: AbortSignal.timeout(20) })')).toBe('CANCELLED')
    expect(log.length).toBe(4)
  })

  it('streams bodies in and out, and keeps those of an earlier cell', async () => {
    const { value, log } = await open()
    const upload = `async function* pieces() { for (let i = 0; i < 100; i++) yield i % 2 ? 'b' : new Uint8Array(50_000) }
await caps.tools.upload('x', pieces())`
    expect(await value(upload)).toBe(50 * 50_000 + 50)
    expect(await value('const reply = await caps.tools.download(3_000_000); (await reply.bytes()).length')).toBe(
      3_000_000,
    )
    expect(await value('const later = await caps.tools.download(100_000); later.size')).toBe(100_000)
    expect(await value('(await later.text()).length')).toBe(100_000)
    log.length = 0
    expect(await value('for await (const chunk of (await caps.tools.download(90_000_000)).body) break; 1')).toBe(1)
    await waitFor(
      (async () => {
        while (log.length === 0) await value('await caps.tools.echo(1)')
      })(),
    )
    expect(log).toEqual(['body over'])
  })

  it('grants exactly what the policy says, and takes it back while the session lives', async () => {
    const policy = definePolicy({
      name: 'narrow',
      rules: [
        { id: 'echo', effect: 'allow', capability: 'tools.echo', limits: { perSession: { calls: 2 } } },
        { id: 'no-waiting', effect: 'deny', capability: 'tools.wait' },
      ],
      names: { say: 'tools.echo' },
    })
    const { value, codeOf, capsule, session } = await open({ policy })
    expect(await value('[Object.keys(caps.tools), typeof input, await say("a")]')).toEqual([['echo'], 'undefined', 'a'])
    expect(await value('await say("b")')).toBe('b')
    expect(await codeOf('say("c")')).toBe('CAPABILITY_BUDGET_EXCEEDED')
    const grants = capsule.capabilitiesOf(session)
    expect(grants.explain({ capability: 'tools.wait', input: {} })).toMatchObject({
      decision: 'deny',
      rule: 'no-waiting',
    })
    grants.revoke('tools.*')
    expect(await value('[Object.keys(caps), typeof say]')).toEqual([[], 'undefined'])
    grants.setPolicy(policies.unrestricted)
    expect(await value('[Object.keys(caps.tools).length, typeof input]')).toEqual([5, 'function'])
  })

  it('ends bodies that nobody reads with their time, and tells why', async () => {
    const policy = definePolicy({
      name: 'small',
      rules: [{ id: 'small', effect: 'allow', capability: 'tools.*', limits: { perCall: { outputBytes: 3_000_000 } } }],
    })
    const { session, value, codeOf, log } = await open({ policy })
    await value('const unread = await caps.tools.download(2_900_000, { timeoutMs: 300 }); 1')
    // it has the first megabyte, and nothing asks for more
    expect(session.info().streams.open).toBe(1)
    await untilClosed(session)
    expect(log).toEqual(['body over'])
    expect(await codeOf('unread.bytes()')).toBe('CAPABILITY_TIMED_OUT')
    expect(await codeOf('caps.tools.download(3_000_001).then((reply) => reply.bytes())')).toBe(
      'CAPABILITY_RESULT_TOO_LARGE',
    )
    await untilClosed(session)
  })

  it('leaves no channel open, whatever becomes of the bodies', async () => {
    const { session, capsule, value } = await open()
    const code = `const codes = {}
async function* idle() { yield 'a'; await new Promise(() => {}) }
async function* broken() { yield 'a'; throw Object.assign(new Error('source'), { code: 'OWN' }) }
const note = (call) => call.then(() => 'ok', (error) => error.code).then((code) => (codes[code] = (codes[code] ?? 0) + 1))
for (let round = 0; round < 60; round++) {
  await note(caps.tools.upload('x', broken()))
  await note(caps.tools.upload('x', idle(), { timeoutMs: 2 }))
  await note(caps.tools.upload('x', idle(), { signal: AbortSignal.timeout(1) }))
  await note(caps.tools.upload(5, idle()))
  await note(caps.tools.download(70_000))
  await note((async () => { for await (const chunk of (await caps.tools.download(5_000_000)).body) break })())
}
codes`
    expect(await value(code)).toEqual({
      OWN: 60,
      CAPABILITY_TIMED_OUT: 60,
      CANCELLED: 60,
      CAPABILITY_ARGUMENTS_INVALID: 60,
      ok: 120,
    })
    await untilClosed(session)
    expect(capsule.capabilitiesOf(session).info().pending).toBe(0)
  })

  it('settles all calls when code is terminated, or its worker killed, beside them', async () => {
    const { session, capsule, value, log, asked } = await open({ maxConcurrentExecutions: 3, graceMs: 500 })
    const late: unknown[] = []
    session.events.on('late', (event) => late.push(event))
    const waiting = session.execute('await caps.tools.wait()')
    const signal = await waitFor(asked)
    const streaming = session.execute(
      'const reply = await caps.tools.download(50_000_000); console.log("on"); await caps.tools.wait()',
    )
    for await (const event of streaming) {
      if (event.type !== 'output') continue
      const looping = session.execute('console.log("loops"); for (;;) {}')
      for await (const _ of looping) void looping.cancel()
      expect(await looping.outcome).toMatchObject({ status: 'cancelled', cancelRung: executor === 'threaded' ? 2 : 3 })
    }
    const ended =
      executor === 'threaded' ? { status: 'error', error: { code: 'EXECUTION_INTERRUPTED' } } : { status: 'crashed' }
    expect(await waitFor(Promise.all([waiting.outcome, streaming.outcome]))).toMatchObject([ended, ended])
    expect([signal.aborted, log.includes('aborted')]).toEqual([true, true])
    expect(await value('await caps.tools.echo(5)')).toBe(5)
    // a body that was there outlives its cell, and not its worker
    const read =
      'let read = 0; if (typeof reply !== "undefined") for await (const chunk of reply.body) { read = chunk.length; break }; read > 0'
    expect(await value(read)).toBe(executor === 'threaded')
    await untilClosed(session)
    expect(capsule.capabilitiesOf(session).info()).toMatchObject({ pending: 0, lateHandlers: 0 })
    expect([late, session.info().counters.invalidMessages]).toEqual([[], 0])
  })

  it('opens nothing for what a cancelled cell goes on to call', async () => {
    const { session, value } = await open()
    const execution = session.execute(
      `async function* pieces() { yield 'a' }
capsule.signal.addEventListener('abort', () => {
  for (let i = 0; i < 300; i++) caps.tools.upload('x', pieces()).catch(() => {})
})
console.log('on')
await new Promise(() => {})`,
      { graceMs: 20_000 },
    )
    for await (const event of execution) if (event.type === 'output') void execution.cancel()
    expect((await execution.outcome).status).toBe('cancelled')
    expect(await value("async function* pieces() { yield 'a' }; await caps.tools.upload('x', pieces())")).toBe(1)
    await untilClosed(session)
  })

  it('leaves what cells have put in the place of caps and of short names', async () => {
    const { value, capsule, session } = await open()
    const grants = capsule.capabilitiesOf(session)
    await value('let fetch = "mine"; 1')
    const rules = [{ id: 'all', effect: 'allow', capability: ['tools.*'] }] as const
    grants.setPolicy(definePolicy({ name: 'named', rules, names: { fetch: 'tools.echo', say: 'tools.echo' } }))
    expect(await value('[fetch, typeof say]')).toEqual(['mine', 'function'])
    await value('caps = "mine too"; 1')
    grants.revoke('tools.wait')
    expect(await value('[caps, fetch]')).toEqual(['mine too', 'mine'])
  })

  it('gives a fork what its session may call by then, and a rollback brings nothing back', async () => {
    const rules = [{ id: 'all', effect: 'allow', capability: ['tools.*'] }] as const
    const policy = definePolicy({ name: 'named', rules, names: { say: 'tools.echo', fetch: 'tools.fail' } })
    const { value, capsule, session } = await open({ policy })
    const grants = capsule.capabilitiesOf(session)
    const code = 'console.log("on"); await capsule.stream("go").read(); typeof say'
    const run = session.execute(code, { transaction: 'rollback-always' })
    for await (const event of run) {
      if (event.type !== 'output') continue
      grants.revoke('tools.*')
      await session.stream('go').write('on')
    }
    expect(await run.outcome).toMatchObject({ value: 'undefined', transaction: { report: [] } })
    expect(await value('[typeof say, fetch.name, Object.keys(caps)]')).toEqual(['undefined', 'fetch', []])
    const fork = await session.fork()
    expect((await fork.run('[typeof say, Object.keys(caps)]')).outcome.value).toEqual(['undefined', []])
  })

  it('waits for a person, and says who denied what', async () => {
    const policy = definePolicy({
      name: 'careful',
      rules: [{ id: 'ask', effect: 'approve', capability: 'tools.*', approve: { timeoutMs: 60_000 } }],
    })
    const { session, audit } = await open({ policy })
    const asked: unknown[] = []
    const code = `const codes = []
for (const name of ['a', 'b']) codes.push(await caps.tools.echo(name).catch((error) => error.code))
codes`
    const { outcome } = await session.run(code, {
      onApproval: ({ capability, summary, rule }) => {
        asked.push({ capability, summary, rule })
        return asked.length === 1
      },
    })
    expect(outcome.value).toEqual(['a', 'APPROVAL_DENIED'])
    expect(asked).toMatchObject([{ capability: 'tools.echo', rule: 'ask' }, { summary: expect.stringContaining('b') }])
    expect(audit.records.filter(({ type }) => type === 'decision').map(({ outcome: told }) => told)).toEqual([
      'approved',
      'denied',
    ])
  })

  it('disposes providers with the last session that has them', async () => {
    const { session, capsule, log, provider } = await open()
    const fork = await session.fork()
    await session.shutdown()
    expect(log).toEqual([])
    expect((await fork.run('await caps.tools.echo(5)')).outcome.value).toBe(5)
    await fork.shutdown()
    expect(log).toEqual(['disposed'])
    await expect(capsule.createSession({ capabilities: [provider] })).rejects.toMatchObject({
      code: 'PROVIDER_DISPOSED',
    })
    expect(() => capsule.capabilitiesOf({ ...session } as never)).toThrow(
      expect.objectContaining({ code: 'SESSION_UNKNOWN' }),
    )
    const kept = createTools()
    const keeping = await createCapsule({
      executor,
      isolation: 'process',
      session: { capabilities: [kept.provider], env },
    })
    await (await keeping.createSession()).shutdown()
    expect(kept.log).toEqual([])
    await keeping.shutdown()
    expect(kept.log).toEqual(['disposed'])
  })
})
