import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { echo, type OpenSession, openSession, sessionEvent, started } from './open-session.ts'

const executes = ({ worker }: OpenSession): string[] =>
  worker.processes.flatMap(({ received }) => received.flatMap((each) => (each.type === 'execute' ? [each.code] : [])))

describe('execute({ queue: true })', () => {
  it('runs cells one after the other, in the order of their calls', async () => {
    const open = await openSession({}, echo)
    const codes = ['a', 'b', 'c', 'd']
    const outcomes = await Promise.all(codes.map((code) => open.session.execute(code, { queue: true }).outcome))
    expect(outcomes.map(({ status, text }) => `${status} ${text}`)).toEqual(['ok a', 'ok b', 'ok c', 'ok d'])
    expect(executes(open)).toEqual(codes)
    expect(open.session.info()).toMatchObject({ state: 'ready', counters: { executions: 4, queued: 0 } })
  })

  it('sends the next cell only when the one before has settled', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const next = open.session.execute('next', { queue: true })
    expect(open.session.info()).toMatchObject({ state: 'busy', counters: { queued: 1 } })
    expect(() => open.session.execute('third')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    expect(executes(open)).toEqual(['cell'])
    open.worker.process.result(id)
    await execution.outcome
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    expect(executionId).toBe(next.executionId)
    open.worker.process.ack(executionId)
    open.worker.process.result(executionId)
    expect(await next.outcome).toMatchObject({ status: 'ok' })
  })

  it('refuses more than maxQueued', async () => {
    const open = await openSession({ maxQueued: 2 })
    await started(open)
    for (const code of ['a', 'b']) open.session.execute(code, { queue: true })
    expect(() => open.session.execute('c', { queue: true })).toThrow(
      expect.objectContaining({ code: 'SESSION_QUEUE_FULL', details: { maxQueued: 2 } }),
    )
    expect(open.session.info().counters).toMatchObject({ executions: 3, queued: 2 })
  })

  it('counts the timeout from the start of the cell', async () => {
    const open = await openSession()
    const { id } = await started(open)
    const next = open.session.execute('next', { queue: true, timeoutMs: 100 })
    open.clock.advance(500)
    open.worker.process.result(id)
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    open.clock.advance(99)
    expect(open.worker.process.received.some(({ type }) => type === 'cancel')).toBe(false)
    open.clock.advance(1)
    expect(await waitFor(open.worker.process.next('cancel'))).toMatchObject({ executionId, reason: 'timed-out' })
    open.worker.process.ack(executionId)
    open.worker.process.error(executionId, { status: 'timed-out', rung: 1 })
    expect(await next.outcome).toMatchObject({ status: 'timed-out', state: 'kept' })
  })

  it('drops a cancelled cell at once, without the worker', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const controller = new AbortController()
    const aborted = open.session.execute('aborted', { queue: true, signal: controller.signal })
    const cancelled = open.session.execute('cancelled', { queue: true })
    const last = open.session.execute('last', { queue: true })
    const dropped = { status: 'cancelled', state: 'kept', cancelRung: 0, durationMs: 0, error: { code: 'DROPPED' } }
    expect(await waitFor(cancelled.cancel())).toMatchObject(dropped)
    controller.abort()
    expect(await waitFor(aborted.outcome)).toMatchObject(dropped)
    const late = open.session.execute('late', { queue: true, signal: controller.signal })
    expect(await waitFor(late.outcome)).toMatchObject(dropped)
    expect(open.session.info()).toMatchObject({ state: 'busy', counters: { queued: 1 } })
    open.worker.process.result(id)
    await execution.outcome
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    expect(executionId).toBe(last.executionId)
    expect(open.worker.process.received.map(({ type }) => type)).toEqual(['hello', 'execute', 'execute'])
  })

  it('goes on with the fresh worker after a crash or a kill, and takes late events of no earlier one', async () => {
    const open = await openSession({ graceMs: 10 })
    const first = await started(open)
    const [second, third] = ['second', 'third'].map((code) => open.session.execute(code, { queue: true }))
    open.worker.process.exit({ code: 1 })
    expect(await first.execution.outcome).toMatchObject({ status: 'crashed', state: 'lost' })
    await sessionEvent(open.session, 'restarted')
    expect((await waitFor(open.worker.process.next('execute'))).executionId).toBe(second?.executionId)
    open.worker.process.output(first.id, 'forged', { late: true })
    void second?.cancel()
    await open.worker.process.next('cancel')
    expect(open.session.info().counters).toMatchObject({ lateEvents: 0, invalidMessages: 1 })
    open.clock.advance(10)
    expect(await second?.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    await sessionEvent(open.session, 'restarted')
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    open.worker.process.ack(executionId)
    open.worker.process.result(executionId)
    expect(await third?.outcome).toMatchObject({ status: 'ok', state: 'kept', executionId })
    open.worker.process.output(executionId, 'late', { late: true })
    await sessionEvent(open.session, 'late')
  })

  it('settles all that wait when no worker replaces a crashed one', async () => {
    const open = await openSession({ restartOnCrash: false })
    await started(open)
    const waiting = ['a', 'b'].map((code) => open.session.execute(code, { queue: true }).outcome)
    open.worker.process.exit({ code: 1 })
    for (const outcome of await waitFor(Promise.all(waiting))) {
      expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', error: { code: 'WORKER_EXITED' } })
    }
  })

  it.each([
    ['restart', 'DROPPED'],
    ['shutdown', 'SESSION_CLOSED'],
  ] as const)('settles all that wait as lost on %s()', async (call, code) => {
    const open = await openSession()
    const { execution } = await started(open)
    const waiting = ['a', 'b'].map((cell) => open.session.execute(cell, { queue: true }).outcome)
    const done = open.session[call]()
    for (const outcome of await waitFor(Promise.all(waiting))) {
      expect(outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 0, error: { code } })
    }
    await waitFor(done)
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost' })
    expect(executes(open)).toEqual(['cell'])
  })

  it('goes on after interrupt(), and past a cell that is too large to send', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const large = open.session.execute('x'.repeat(11 * 1024 * 1024), { queue: true })
    const next = open.session.execute('next', { queue: true })
    const interrupted = open.session.interrupt()
    await waitFor(open.worker.process.next('interrupt'))
    open.worker.process.error(id, { status: 'cancelled', rung: 1 })
    await waitFor(interrupted)
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    expect(await large.outcome).toMatchObject({ status: 'error', state: 'kept', error: { code: 'FRAME_TOO_LARGE' } })
    expect((await waitFor(open.worker.process.next('execute'))).executionId).toBe(next.executionId)
  })

  it('keeps the order when a listener gives a cell in the moment between two', async () => {
    const open = await openSession({}, echo)
    const ends: Promise<unknown>[] = []
    open.session.events.on('state', (state) => {
      if (state === 'ready' && ends.length === 0) ends.push(open.session.execute('listener', { queue: true }).outcome)
    })
    const outcomes = ['a', 'b'].map((code) => open.session.execute(code, { queue: true }).outcome)
    await waitFor(Promise.all(outcomes))
    await waitFor(Promise.all(ends))
    expect(executes(open)).toEqual(['a', 'b', 'listener'])
  })
})
