import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import type { Execution, ExecutionEvent } from '@capsule/session'
import { echo, eventsOf, type OpenSession, openSession, sessionEvent, started } from './open-session.ts'

const runs = ({ worker }: OpenSession): number =>
  worker.processes.flatMap(({ received }) => received.filter(({ type }) => type === 'execute')).length

const idempotencyKey = 'key-1'
const again = (open: OpenSession, options: object = {}): Execution =>
  open.session.execute('cell', { idempotencyKey, ...options })

/** The texts of a handle, and the code of the error that ended it. */
async function textsOf(execution: AsyncIterable<ExecutionEvent>): Promise<string[]> {
  const texts: string[] = []
  try {
    for await (const event of execution) texts.push(event.type === 'output' ? event.text : event.type)
  } catch (error) {
    texts.push((error as { code: string }).code)
  }
  return texts
}

async function settledWith(open: OpenSession, texts: readonly string[] = []): Promise<Execution> {
  const { execution, id } = await started(open, { idempotencyKey })
  for (const text of texts) open.worker.process.output(id, text)
  open.worker.process.result(id, { text: 'done' })
  await waitFor(execution.outcome)
  return execution
}

describe('a known key', () => {
  it('gives the recorded outcome and runs nothing', async () => {
    const open = await openSession()
    const first = await settledWith(open, ['a', 'b'])
    const second = again(open)
    expect(second.executionId).toBe(first.executionId)
    expect(await second.outcome).toBe(await first.outcome)
    expect(await second.cancel()).toBe(await first.outcome)
    expect(await eventsOf(second)).toEqual([])
    await expect(second.respond('in-1', 'x')).rejects.toMatchObject({ code: 'INPUT_NOT_PENDING' })
    expect(runs(open)).toBe(1)
    expect(open.session.info()).toMatchObject({ state: 'ready', counters: { executions: 1, byStatus: { ok: 1 } } })
  })

  it('replays the recorded events in order on request', async () => {
    const open = await openSession()
    const first = await settledWith(open, ['a', 'b'])
    const replayed = again(open, { replay: true })
    expect(await eventsOf(replayed)).toEqual(await eventsOf(first))
    expect(await textsOf(again(open, { replay: true }))).toEqual(['a', 'b'])
    const { stdout, outcome } = await open.session.run('cell', { idempotencyKey, replay: true })
    expect({ stdout, text: outcome.text }).toEqual({ stdout: 'ab', text: 'done' })
  })

  it('joins the execution while it runs: its events from then on, or from the first', async () => {
    const open = await openSession()
    const { execution, id } = await started(open, { idempotencyKey })
    open.worker.process.output(id, 'before')
    const texts = textsOf(execution)
    open.worker.process.stray('stdout', 'stray')
    await sessionTurn(open)
    const joined = again(open)
    const replaying = again(open, { replay: true })
    expect(() => open.session.execute('other')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    const seen = [textsOf(joined), textsOf(replaying)]
    open.worker.process.output(id, 'after')
    open.worker.process.result(id)
    expect(await joined.outcome).toBe(await execution.outcome)
    expect(await replaying.outcome).toBe(await execution.outcome)
    expect(await texts).toEqual(['before', 'stray', 'after'])
    expect(await Promise.all(seen)).toEqual([['after'], ['before', 'stray', 'after']])
    expect(runs(open)).toBe(1)
  })

  it('joins one that waits for its turn', async () => {
    const open = await openSession()
    const { id } = await started(open)
    const queued = again(open, { queue: true })
    const joined = again(open)
    expect(joined.executionId).toBe(queued.executionId)
    open.worker.process.result(id)
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    open.worker.process.ack(executionId)
    open.worker.process.result(executionId)
    expect(await joined.outcome).toBe(await queued.outcome)
  })

  it('conflicts with any other cell under it, at once', async () => {
    const open = await openSession()
    await settledWith(open)
    for (const options of [{ filename: 'x.js' }, { language: 'ts' }, { route: 'async' }, { storeHistory: false }]) {
      expect(() => again(open, options)).toThrow(expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' }))
    }
    expect(() => open.session.execute('other', { idempotencyKey })).toThrow(/key-1/)
    await expect(open.session.run('other', { idempotencyKey })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    // what says how to call, not what to run, may differ; so may what is spelled out
    expect(await again(open, { language: 'auto', route: 'auto', timeoutMs: 5 }).outcome).toMatchObject({ text: 'done' })
  })

  it('is answered, stopped and aborted through any handle', async () => {
    const open = await openSession()
    const { execution, id } = await started(open, { idempotencyKey })
    open.worker.process.send({ type: 'input-request', executionId: id, inputId: 'in-1', prompt: '?' })
    const joined = again(open)
    for await (const event of joined) {
      if (event.type === 'input-request') await joined.respond('in-1', 'Ada')
      expect(await open.worker.process.next('input-response')).toMatchObject({ inputId: 'in-1' })
      break
    }
    const controller = new AbortController()
    again(open, { signal: controller.signal })
    controller.abort()
    await waitFor(open.worker.process.next('cancel'))
    open.worker.process.error(id, { status: 'cancelled', rung: 1 })
    expect(await joined.cancel()).toBe(await execution.outcome)
  })

  it('leaves questions to the first run() unless the later one can answer them', async () => {
    const open = await openSession()
    const person = Promise.withResolvers<string>()
    const first = open.session.run('cell', { idempotencyKey, onInput: () => person.promise })
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    open.worker.process.ack(executionId)
    open.worker.process.send({ type: 'input-request', executionId, inputId: 'in-1', prompt: '?' })
    await sessionTurn(open)
    const joined = open.session.run('cell', { idempotencyKey, replay: true })
    await sessionTurn(open)
    expect(open.worker.process.received.some(({ type }) => type === 'input-response')).toBe(false)
    person.resolve('Ada')
    expect(await waitFor(open.worker.process.next('input-response'))).toMatchObject({ answer: { text: 'Ada' } })
    open.worker.process.result(executionId)
    expect((await joined).events).toEqual((await first).events)
    const onInput = (): never => {
      throw new Error('asked again')
    }
    expect((await open.session.run('cell', { idempotencyKey, replay: true, onInput })).events).toHaveLength(1)
  })

  it('does not let a first caller who reads nothing stall the cell', async () => {
    const open = await openSession({ outputWindowBytes: 100 })
    const { id } = await started(open, { idempotencyKey })
    open.worker.process.output(id, 'x'.repeat(100))
    again(open)
    expect(await waitFor(open.worker.process.next('stream-credit'))).toMatchObject({ bytes: 100 })
    open.worker.process.result(id)
    await waitFor(again(open).outcome)
  })
})

/** All that was sent before is taken once the answer to this question is there. */
async function sessionTurn({ session, worker }: OpenSession): Promise<void> {
  const asked = session.inspect()
  const { requestId, query } = await waitFor(worker.process.next('inspect'))
  expect(query).toEqual({ what: 'namespace' })
  worker.process.send({ type: 'inspect-result', requestId, answer: { what: 'namespace', bindings: [] } })
  await waitFor(asked)
}

describe('what is remembered', () => {
  it.each([
    ['error', 'kept'],
    ['cancelled', 'kept'],
    ['timed-out', 'kept'],
  ] as const)('is an outcome %s: what may have had effects does not run twice', async (status, state) => {
    const open = await openSession()
    const { execution, id } = await started(open, { idempotencyKey })
    open.worker.process.error(id, { status, rung: 1 })
    expect(await execution.outcome).toMatchObject({ status, state })
    expect(await again(open).outcome).toBe(await execution.outcome)
    expect(runs(open)).toBe(1)
  })

  it('is also a crash', async () => {
    const open = await openSession()
    const { execution } = await started(open, { idempotencyKey })
    open.worker.process.exit({ code: 1 })
    await execution.outcome
    await sessionEvent(open.session, 'restarted')
    expect(await again(open).outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { code: 1 } })
    expect(runs(open)).toBe(1)
  })

  it('is not what never ran', async () => {
    const open = await openSession({}, {})
    const { execution, id } = await started(open)
    await again(open, { queue: true }).cancel()
    expect(() => again(open)).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    expect(() => again(open)).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    open.worker.process.result(id)
    await execution.outcome
    await again(open, { signal: AbortSignal.abort() }).outcome
    const large = { idempotencyKey: 'large' }
    for (const code of ['x', 'y']) {
      const send = (): Execution => open.session.execute(code.repeat(11 * 1024 * 1024), large)
      expect(send).toThrow(expect.objectContaining({ code: 'FRAME_TOO_LARGE' }))
    }
    const dropped = await started(open, { idempotencyKey })
    open.worker.process.error(dropped.id, { status: 'cancelled', rung: 0 })
    await dropped.execution.outcome
    const ran = await started(open, { idempotencyKey })
    expect(ran.id).not.toBe(dropped.id)
  })

  it('is not a death before it, nor a cell that was too large when its turn came', async () => {
    const open = await openSession({}, echo)
    const restarted = sessionEvent(open.session, 'restarted')
    open.worker.process.exit({ code: 1 })
    await restarted
    expect(await again(open).outcome).toMatchObject({ status: 'crashed' })
    const before = open.session.execute('before')
    const large = { idempotencyKey: 'large', queue: true }
    expect(await open.session.execute('x'.repeat(11 * 1024 * 1024), large).outcome).toMatchObject({ status: 'error' })
    await before.outcome
    expect(await open.session.execute('small', large).outcome).toMatchObject({ status: 'ok' })
    expect(await again(open).outcome).toMatchObject({ status: 'ok' })
  })

  it('says that the state is lost once its worker is gone, and still runs nothing', async () => {
    const open = await openSession({}, echo)
    const first = await again(open).outcome
    await open.session.restart()
    expect(await again(open).outcome).toEqual({ ...first, state: 'lost' })
    expect(runs(open)).toBe(1)
  })

  it('is forgotten after its time', async () => {
    const open = await openSession({ idempotency: { ttlMs: 100 } }, echo)
    const { executionId } = await again(open).outcome
    open.clock.advance(99)
    expect((await again(open).outcome).executionId).toBe(executionId)
    expect(open.clock.pendingTimers).toBe(0)
    open.clock.advance(1)
    expect((await again(open).outcome).executionId).not.toBe(executionId)
  })

  it('is forgotten beyond the limit, what was asked for longest ago first', async () => {
    const open = await openSession({ idempotency: { entries: 2 } }, echo)
    const run = async (key: string): Promise<string> =>
      (await open.session.execute('cell', { idempotencyKey: key }).outcome).executionId
    const ids = { a: await run('a'), b: await run('b') }
    expect(await run('a')).toBe(ids.a)
    await run('c')
    expect(await run('a')).toBe(ids.a)
    expect(await run('b')).not.toBe(ids.b)
  })

  it('holds the first events up to the limit, and a replay says that there were more', async () => {
    const open = await openSession({ idempotency: { eventBytes: 5 } })
    const first = await settledWith(open, ['abc', 'def', 'g'])
    expect(await textsOf(first)).toEqual(['abc', 'def', 'g'])
    expect(await textsOf(again(open, { replay: true }))).toEqual(['abc', 'REPLAY_TRUNCATED'])
    expect(await textsOf(again(open))).toEqual([])
    const { stdout, outcome } = await open.session.run('cell', { idempotencyKey, replay: true })
    expect({ stdout, truncated: outcome.truncated }).toEqual({ stdout: 'abc', truncated: true })
    expect(await again(open).outcome).toBe(await first.outcome)
  })

  it('tells a reader who joined and lagged too far behind', async () => {
    const open = await openSession({ outputWindowBytes: 4 })
    const { execution, id } = await started(open, { idempotencyKey })
    const joined = again(open)
    for (const text of ['abc', 'def', 'ghi']) open.worker.process.output(id, text)
    open.worker.process.result(id)
    await execution.outcome
    expect(await textsOf(joined)).toEqual(['ghi', 'REPLAY_TRUNCATED'])
  })
})

it('refuses wrong options by name', async () => {
  const { session } = await openSession()
  for (const options of [{ idempotencyKey: '' }, { idempotencyKey: 'x'.repeat(257) }, { replay: true }, { queue: 1 }]) {
    const [name] = Object.keys(options)
    expect(() => session.execute('1', options as never)).toThrow(name)
    await expect(session.run('1', options as never)).rejects.toThrow(name)
  }
  for (const idempotency of [{ entries: 0 }, { ttlMs: -1 }, { eventBytes: 0.5 }, { ttl: 1 }]) {
    const [name] = Object.keys(idempotency)
    await expect(openSession({ idempotency: idempotency as never })).rejects.toThrow(name)
  }
  await expect(openSession({ maxQueued: -1 })).rejects.toThrow(/maxQueued/)
})
