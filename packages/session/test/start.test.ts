import { createSession } from '@capsule/session'
import { createScriptedWorker, type ScriptedWorkerOptions } from '@capsule/session/testing'
import { createFakeClock, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { echo, openSession, sessionEvent, started } from './open-session.ts'

describe('createSession', () => {
  it('says in hello what it speaks and wants', async () => {
    const { worker, session } = await openSession({ settings: { heartbeatMs: 5 }, outputWindowBytes: 1000 })
    expect(await worker.process.next('hello')).toMatchObject({
      protocol: { major: 1 },
      codecs: ['msgpack', 'json'],
      settings: { heartbeatMs: 5 },
      outputWindowBytes: 1000,
    })
    expect(session.info()).toMatchObject({ state: 'ready', generation: 1, worker: { settings: { heartbeatMs: 5 } } })
  })

  it('speaks the agreed codec after ready', async () => {
    const { session } = await openSession({}, { ...echo, ready: { codec: 'msgpack' } })
    expect((await session.run('1')).outcome.text).toBe('1')
    expect(session.info().worker?.codec).toBe('msgpack')
  })

  it.each([
    [{ timeout: 1 }, /timeout/],
    [{ settings: { heartbeat: 1 } }, /settings.*heartbeat/],
    [{ timeoutMs: -1 }, /timeoutMs/],
    [{ codecs: ['xml'] }, /codecs/],
    [{ warmup: 'code' }, /warmup/],
    [{ warmup: [{ code: 'a', optional: true }] }, /warmup/],
    [{ warmup: [{ code: 'a', label: '' }] }, /warmup/],
  ])('refuses %j', async (options, message) => {
    const { connect } = createScriptedWorker()
    await expect(createSession({ connect, ...(options as object) })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(message),
    })
  })

  it('gives up on a worker that does not answer, and ends it', async () => {
    const clock = createFakeClock()
    const worker = createScriptedWorker({ isManual: true })
    const creating = createSession({ connect: worker.connect, clock, readyTimeoutMs: 100 })
    creating.catch(() => {})
    await clock.timerSet()
    clock.advance(100)
    await expect(waitFor(creating)).rejects.toMatchObject({ code: 'READY_TIMEOUT' })
  })

  it('gives up when its signal fires', async () => {
    const worker = createScriptedWorker({ isManual: true })
    const controller = new AbortController()
    const creating = createSession({ connect: worker.connect, signal: controller.signal })
    controller.abort()
    await expect(waitFor(creating)).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(createSession({ connect: worker.connect, signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    })
    expect(worker.processes).toHaveLength(1)
  })

  it('tells a refused hello from a failed start', async () => {
    const refusing = createScriptedWorker({
      isManual: true,
      script(message, process) {
        const error = { name: 'CapsuleError', code: 'PROTOCOL_MISMATCH', message: 'too old' }
        process.send({ type: 'error', terminal: false, error })
        process.exit({ code: 65 })
      },
    })
    await expect(createSession({ connect: refusing.connect })).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' })
    const newer = createScriptedWorker({ ready: { protocol: { major: 2, minor: 0 } } })
    await expect(createSession({ connect: newer.connect })).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' })
    const dying = createScriptedWorker({ isManual: true, script: (_message, process) => process.exit({ code: 9 }) })
    await expect(createSession({ connect: dying.connect })).rejects.toMatchObject({
      code: 'WORKER_SPAWN_FAILED',
      cause: { code: 'WORKER_EXITED', details: { exit: { code: 9 } } },
    })
  })

  it('runs warm-up cells without history before each ready', async () => {
    const open = await openSession({ warmup: ['a', 'b'] }, echo)
    const { executionId: _id, ...first } = await open.worker.process.next('execute')
    expect(first).toEqual({ type: 'execute', code: 'a', storeHistory: false, warmup: true })
    await open.session.restart()
    expect(open.worker.process.received.map(({ type }) => type)).toEqual(['hello', 'execute', 'execute'])
    expect(open.session.info().counters).toMatchObject({ executions: 0, byStatus: { ok: 0 } })
  })

  it('rejects with the outcome of a warm-up cell that fails', async () => {
    const worker = createScriptedWorker({
      script: (message, process) => message.type === 'execute' && process.error(message.executionId),
    })
    await expect(createSession({ connect: worker.connect, warmup: ['bad'] })).rejects.toMatchObject({
      code: 'WARMUP_FAILED',
      details: { index: 0, outcome: { status: 'error' } },
    })
  })

  it('rejects when the worker dies in a warm-up cell', async () => {
    const worker = createScriptedWorker({
      script: (message, process) => message.type === 'execute' && process.exit({ code: 1 }),
    })
    await expect(createSession({ connect: worker.connect, warmup: ['bad', 'worse'] })).rejects.toMatchObject({
      code: 'WARMUP_FAILED',
      details: { index: 0, outcome: { status: 'crashed' } },
    })
  })

  it('goes on past an optional warm-up cell that fails, and reports each', async () => {
    const { session, worker } = await openSession({ warmup: optionalFirst }, failing('lodash'))
    const failed = { status: 'error', durationMs: 1, error: { name: 'Error', message: 'scripted' } }
    const report = [
      { label: 'import lodash', ...failed },
      { label: 'warm-up cell 1', status: 'ok', durationMs: 1 },
    ]
    expect(session.info().warmup).toEqual(report)
    expect(session.info().counters.byStatus).toMatchObject({ ok: 0, error: 0 })
    const restarting = session.restart()
    await worker.process.next('execute')
    await restarting
    expect(session.info()).toMatchObject({ generation: 2, warmup: report })
  })

  it('reports what the present worker did, and nothing of the one before', async () => {
    const second = Promise.withResolvers<string>()
    const script: ScriptedWorkerOptions['script'] = (message, process) => {
      if (message.type !== 'execute') return
      if (process.generation === 1) process.result(message.executionId)
      else second.resolve(message.executionId)
    }
    const open = await openSession({ warmup: ['a'] }, { script })
    expect(open.session.info().warmup).toMatchObject([{ status: 'ok', durationMs: 1 }])
    const restarting = open.session.restart()
    const executionId = await waitFor(second.promise)
    expect(open.session.info().warmup).toEqual([])
    open.worker.process.result(executionId, { durationMs: 7 })
    await restarting
    expect(open.session.info().warmup).toEqual([{ label: 'warm-up cell 0', status: 'ok', durationMs: 7 }])
  })

  it('has no report without warm-up cells', async () => {
    const { session } = await openSession()
    expect(session.info()).not.toHaveProperty('warmup')
  })

  it('still rejects when a required cell behind an optional one fails', async () => {
    const worker = createScriptedWorker(failing('required'))
    const warmup = [
      { code: 'optional', isOptional: true },
      { code: 'required', label: 'the rest' },
    ]
    await expect(createSession({ connect: worker.connect, warmup })).rejects.toMatchObject({
      code: 'WARMUP_FAILED',
      details: { index: 1 },
    })
  })

  it('rejects when the worker dies in an optional cell', async () => {
    const worker = createScriptedWorker({
      script: (message, process) => message.type === 'execute' && process.exit({ code: 1 }),
    })
    await expect(createSession({ connect: worker.connect, warmup: optionalFirst })).rejects.toMatchObject({
      code: 'WARMUP_FAILED',
      details: { index: 0, outcome: { status: 'crashed' } },
    })
  })

  it('bounds a warm-up that does not end', async () => {
    const clock = createFakeClock()
    const worker = createScriptedWorker()
    const creating = createSession({ connect: worker.connect, clock, readyTimeoutMs: 100, warmup: ['loop'] })
    creating.catch(() => {})
    await clock.timerSet()
    await worker.process.next('execute')
    clock.advance(100)
    await expect(waitFor(creating)).rejects.toMatchObject({ code: 'READY_TIMEOUT' })
  })
})

const optionalFirst = [{ code: 'import "lodash"', label: 'import lodash', isOptional: true }, 'b']

/** A worker whose cells fail when they contain this. */
const failing = (part: string): ScriptedWorkerOptions => ({
  script(message, process) {
    if (message.type !== 'execute') return
    if (message.code.includes(part)) process.error(message.executionId)
    else process.result(message.executionId)
  },
})

describe('info and events', () => {
  it('tell the latest heartbeat and its age', async () => {
    const open = await openSession()
    const heartbeat = {
      sequence: 1,
      uptimeMs: 5,
      rssBytes: 1,
      heapUsedBytes: 1,
      cpuMs: 1,
      eventLoopDelayMs: 0,
      bindings: 3,
    }
    const seen = sessionEvent(open.session, 'heartbeat')
    open.worker.process.send({ type: 'heartbeat', ...heartbeat })
    expect(await seen).toEqual(heartbeat)
    open.clock.advance(70_000)
    expect(open.session.info()).toMatchObject({ state: 'ready', heartbeat, heartbeatAgeMs: 70_000 })
  })

  it('survive a listener that throws', async () => {
    const { session } = await openSession({}, echo)
    session.events.on('state', () => {
      throw new Error('listener')
    })
    expect((await session.run('1')).outcome.status).toBe('ok')
  })
})

describe('inspect', () => {
  it('answers while a cell waits, and gives bindings', async () => {
    const open = await openSession()
    await started(open)
    const asked = open.session.bindings()
    const { requestId, query } = await open.worker.process.next('inspect')
    expect(query).toEqual({ what: 'namespace' })
    const bindings = [{ name: 'x', kind: 'const' as const, type: 'number', preview: '1' }]
    open.worker.process.send({ type: 'inspect-result', requestId, answer: { what: 'namespace', bindings } })
    expect(await asked).toEqual(bindings)
  })

  it('gives up in time, ignores the late answer, and counts a forged one', async () => {
    const open = await openSession()
    const asked = open.session.inspect({ what: 'namespace' }, { timeoutMs: 10 })
    asked.catch(() => {})
    const { requestId } = await open.worker.process.next('inspect')
    open.clock.advance(10)
    await expect(asked).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    const answer = { what: 'completions' as const, names: [], from: 0 }
    open.worker.process.send({ type: 'inspect-result', requestId, answer })
    open.worker.process.send({ type: 'inspect-result', requestId: 'forged', answer })
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    await execution.outcome
    expect(open.session.info().counters.invalidMessages).toBe(1)
  })

  it('takes the answer with its own id only', async () => {
    const open = await openSession()
    const asked = open.session.inspect({ what: 'namespace' })
    const { requestId } = await open.worker.process.next('inspect')
    const completeness = (status: 'complete' | 'incomplete') => ({ what: 'completeness' as const, status })
    open.worker.process.send({ type: 'inspect-result', requestId: 'forged', answer: completeness('incomplete') })
    open.worker.process.send({ type: 'inspect-result', requestId, answer: completeness('complete') })
    expect(await asked).toEqual(completeness('complete'))
    expect(open.session.info().counters.invalidMessages).toBe(1)
  })

  it('fails with the worker, and refuses a query that is none', async () => {
    const open = await openSession()
    await expect(open.session.inspect({ what: 'nothing' } as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    const asked = open.session.bindings()
    asked.catch(() => {})
    await open.worker.process.next('inspect')
    open.worker.process.exit({ code: 1 })
    await expect(waitFor(asked)).rejects.toMatchObject({ code: 'WORKER_EXITED' })
  })
})

describe('interceptors', () => {
  it('see frozen copies of both directions', async () => {
    const types: unknown[] = []
    const { session } = await openSession(
      {
        interceptors: [
          {
            name: 'log',
            sent: (message) => void types.push(`> ${String(message['type'])}`),
            received: (message) => void types.push(`< ${String(message['type'])} ${Object.isFrozen(message)}`),
          },
        ],
      },
      echo,
    )
    await session.run('1')
    expect(types).toEqual(['> hello', '< ready true', '> execute', '< ack true', '< result true'])
  })

  it('are quarantined when they throw or reject, and never called again', async () => {
    const seen = { broken: 0, late: 0, good: 0 }
    const { session } = await openSession(
      {
        interceptors: [
          {
            name: 'broken',
            received(message) {
              seen.broken++
              if (message['type'] === 'result') throw new Error('oops')
            },
          },
          {
            name: 'late',
            received(message) {
              seen.late++
              return (message['type'] === 'result' ? rejected() : undefined) as undefined
            },
          },
          { name: 'good', received: () => void seen.good++ },
        ],
      },
      echo,
    )
    const reports: unknown[] = []
    session.events.on('interceptor-quarantined', (report) => reports.push(report))
    await session.run('1')
    const before = { ...seen }
    await session.run('2')
    expect(reports).toEqual([
      { name: 'broken', reason: 'it threw: Error: oops' },
      { name: 'late', reason: 'it rejected: Error: later' },
    ])
    expect(seen).toEqual({ ...before, good: before.good + 2 })
    expect(session.info().interceptors.map(({ name, quarantined }) => [name, quarantined])).toEqual([
      ['broken', 'it threw: Error: oops'],
      ['late', 'it rejected: Error: later'],
      ['good', undefined],
    ])
  })
})

async function rejected(): Promise<void> {
  throw new Error('later')
}
