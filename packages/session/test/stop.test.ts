import { createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { echo, eventsOf, openSession, sessionEvent, started, settleWire } from './open-session.ts'

describe('cancel', () => {
  it('asks the worker and resolves to the outcome', async () => {
    const open = await openSession({ cooperativeMs: 40 })
    const { execution, id } = await started(open)
    const cancelled = execution.cancel()
    expect(await open.worker.process.next('cancel')).toEqual({
      type: 'cancel',
      executionId: id,
      reason: 'cancelled',
      cooperativeMs: 40,
    })
    open.worker.process.error(id, { status: 'cancelled', rung: 2, tainted: true })
    expect(await cancelled).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 2, tainted: true })
    expect(await execution.cancel()).toBe(await execution.outcome)
    expect(open.session.info()).toMatchObject({ state: 'ready', generation: 1, tainted: true })
  })

  it('kills the worker after the grace, says lost, and restarts', async () => {
    const open = await openSession({ graceMs: 500 }, {})
    const { execution, id } = await started(open)
    open.worker.process.output(id, 'before')
    const restarted = sessionEvent(open.session, 'restarted')
    void execution.cancel()
    await open.worker.process.next('cancel')
    open.clock.advance(500)
    expect(await execution.outcome).toMatchObject({
      status: 'cancelled',
      state: 'lost',
      cancelRung: 3,
      exit: { signal: 'SIGKILL' },
      error: { code: 'KILLED' },
    })
    expect(await eventsOf(execution)).toMatchObject([{ text: 'before' }])
    expect(await restarted).toBe(2)
    expect(open.session.info()).toMatchObject({ state: 'ready', generation: 2, counters: { restarts: 1 } })
  })

  it('takes the shortest of several graces', async () => {
    const open = await openSession({ graceMs: 5000 })
    const { execution } = await started(open)
    void execution.cancel()
    void execution.cancel({ graceMs: 10 })
    open.clock.advance(10)
    expect(await execution.outcome).toMatchObject({ cancelRung: 3 })
  })

  it('follows the signal, also one that has fired before', async () => {
    const open = await openSession()
    const controller = new AbortController()
    const { execution, id } = await started(open, { signal: controller.signal })
    controller.abort()
    await open.worker.process.next('cancel')
    open.worker.process.error(id, { status: 'cancelled', rung: 1 })
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', cancelRung: 1 })
    const dropped = open.session.execute('never sent', { signal: controller.signal })
    expect(await dropped.outcome).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 0 })
    expect(open.worker.process.received.filter(({ type }) => type === 'execute')).toHaveLength(1)
  })
})

describe('timeouts', () => {
  it('stop the cell with their own reason', async () => {
    const open = await openSession()
    const { execution, id } = await started(open, { timeoutMs: 100 })
    open.clock.advance(100)
    expect(await open.worker.process.next('cancel')).toMatchObject({ reason: 'timed-out' })
    open.worker.process.error(id, { status: 'timed-out', rung: 1 })
    expect(await execution.outcome).toMatchObject({ status: 'timed-out', state: 'kept' })
  })

  it('end in a kill when the worker does not obey', async () => {
    const open = await openSession({ timeoutMs: 100, graceMs: 50 })
    const { execution } = await started(open)
    open.clock.advance(150)
    expect(await execution.outcome).toMatchObject({
      status: 'timed-out',
      state: 'lost',
      cancelRung: 3,
      durationMs: 150,
    })
  })

  it('leave no timer behind', async () => {
    const open = await openSession()
    const { execution, id } = await started(open, { timeoutMs: 100 })
    open.worker.process.result(id)
    await execution.outcome
    expect(open.clock.pendingTimers).toBe(0)
  })
})

describe('interrupt', () => {
  it('stops what runs and resolves when it has settled', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const interrupted = open.session.interrupt()
    expect(await open.worker.process.next('interrupt')).toEqual({ type: 'interrupt', cooperativeMs: 30 })
    open.worker.process.error(id, { status: 'cancelled', rung: 2 })
    await waitFor(interrupted)
    expect(await execution.outcome).toMatchObject({ status: 'cancelled' })
  })

  it('kills after the grace', async () => {
    const open = await openSession()
    const { execution } = await started(open)
    const interrupted = open.session.interrupt({ graceMs: 10 })
    open.clock.advance(10)
    await waitFor(interrupted)
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
  })

  it('only tells the worker when nothing runs', async () => {
    const { session, worker } = await openSession()
    await session.interrupt()
    expect(await waitFor(worker.process.next('interrupt'))).toMatchObject({ cooperativeMs: 30 })
  })
})

describe('a worker that dies', () => {
  it.each([
    [{ code: 3 }, '', 'WORKER_EXITED', /exit code 3/],
    [{ signal: 'SIGKILL' as const }, '', 'WORKER_EXITED', /OOM killer/],
    [{ code: 137 }, '', 'WORKER_EXITED', /SIGKILL/],
    [{ signal: 'SIGSEGV' as const }, '', 'WORKER_EXITED', /native code/],
    [{ signal: 'SIGABRT' as const }, 'FATAL ERROR: ... JavaScript heap out of memory', 'WORKER_OUT_OF_MEMORY', /heap/],
  ])('settles what runs: %j %s', async (exit, stderr, code, message) => {
    const open = await openSession()
    const { execution } = await started(open)
    const crashed = sessionEvent(open.session, 'crashed')
    if (stderr !== '') open.worker.process.stray('stderr', stderr)
    open.worker.process.exit(exit)
    const outcome = await execution.outcome
    expect(outcome).toMatchObject({
      status: 'crashed',
      state: 'lost',
      exit: { ...exit, stderrTail: stderr },
      error: { name: 'CapsuleError', code, message: expect.stringMatching(message) },
    })
    expect(await crashed).toMatchObject(exit)
  })

  it('is replaced, and a cell given meanwhile runs on the next worker', async () => {
    const open = await openSession({}, {})
    const { execution } = await started(open)
    open.worker.process.exit({ code: 1 })
    await execution.outcome
    const next = open.session.execute('next')
    expect(() => open.session.execute('third')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    await sessionEvent(open.session, 'restarted')
    const { executionId } = await open.worker.process.next('execute')
    expect(open.worker.process.generation).toBe(2)
    open.worker.process.ack(executionId)
    open.worker.process.result(executionId)
    expect(await next.outcome).toMatchObject({ status: 'ok' })
  })

  it('is told exactly once when it died idle: by the next outcome', async () => {
    const { session, worker } = await openSession({}, echo)
    const restarted = sessionEvent(session, 'restarted')
    worker.process.exit({ signal: 'SIGKILL' })
    await restarted
    const told = await session.run('1')
    expect(told.outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { signal: 'SIGKILL' } })
    expect((await session.run('2')).outcome).toMatchObject({ status: 'ok', text: '2' })
  })

  it('is not replaced for ever when it keeps dying idle', async () => {
    const { session, worker } = await openSession({}, echo)
    for (let deaths = 1; deaths <= 3; deaths++) {
      const restarted = sessionEvent(session, 'restarted')
      worker.process.exit({ code: 1 })
      await restarted
    }
    const crashed = sessionEvent(session, 'crashed')
    worker.process.exit({ code: 1 })
    await crashed
    expect(session.info().state).toBe('crashed')
    expect((await session.run('1')).outcome.status).toBe('crashed')
    await session.restart()
    expect((await session.run('1')).outcome.status).toBe('ok')
  })

  it('stays dead with restartOnCrash: false until restart()', async () => {
    const open = await openSession({ restartOnCrash: false }, echo)
    open.worker.process.exit({ code: 4 })
    await sessionEvent(open.session, 'crashed')
    expect((await open.session.run('1')).outcome).toMatchObject({ status: 'crashed', error: { code: 'WORKER_EXITED' } })
    expect((await open.session.run('2')).outcome).toMatchObject({ status: 'crashed' })
    await open.session.restart()
    expect((await open.session.run('3')).outcome).toMatchObject({ status: 'ok' })
  })

  it('leaves the session crashed when no other can be started', async () => {
    let connects = 0
    const open = await openSession()
    const failing = await openSession({
      connect: () => {
        connects++
        if (connects > 1) throw new Error('no more processes')
        return open.worker.connect()
      },
    })
    const states = createRecorder<string>()
    failing.session.events.on('state', states.record)
    open.worker.process.exit({ code: 1 })
    await states.waitFor((state) => state === 'crashed')
    await failing.session.run('told the death')
    expect((await failing.session.run('1')).outcome).toMatchObject({
      status: 'crashed',
      error: { message: expect.stringContaining('no more processes') },
    })
    await expect(failing.session.restart()).rejects.toMatchObject({ code: 'WORKER_SPAWN_FAILED' })
  })
})

describe('restart', () => {
  it('ends what runs as cancelled and lost, and gives a fresh worker', async () => {
    const open = await openSession()
    const { execution } = await started(open)
    await waitFor(open.session.restart())
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    expect(open.session.info()).toMatchObject({ generation: 2, state: 'ready', counters: { restarts: 1 } })
  })

  it('does not count an end that comes while the worker is being killed', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    const restarted = open.session.restart()
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    await waitFor(restarted)
  })

  it('is one restart for several calls', async () => {
    const { session } = await openSession()
    await Promise.all([session.restart(), session.restart()])
    expect(session.info().generation).toBe(2)
  })
})

describe('shutdown', () => {
  it('ends the worker politely, once, and refuses cells from then on', async () => {
    const { session, worker } = await openSession()
    const closing = session.shutdown()
    expect(session.shutdown()).toBe(closing)
    await waitFor(closing)
    await waitFor(worker.process.next('shutdown'))
    expect(() => session.execute('1')).toThrow(expect.objectContaining({ code: 'SESSION_CLOSED' }))
    for (const call of [session.run('1'), session.restart(), session.interrupt(), session.bindings()]) {
      await expect(call).rejects.toMatchObject({ code: 'SESSION_CLOSED' })
    }
    expect(session.info().state).toBe('closed')
  })

  it('settles what runs as cancelled and lost', async () => {
    const open = await openSession(
      {},
      { isManual: true, script: (message, process) => message.type === 'hello' && process.ready() },
    )
    const { execution } = await started(open)
    const closing = open.session.shutdown({ graceMs: 100 })
    await open.worker.process.next('cancel')
    open.clock.advance(100)
    await waitFor(closing)
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
  })

  it('keeps the status that still comes, but not the state', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    const closing = open.session.shutdown()
    expect(await execution.outcome).toMatchObject({ status: 'ok', state: 'lost' })
    await waitFor(closing)
  })

  it('says lost although the worker is still there when the outcome comes', async () => {
    const open = await openSession(
      {},
      { isManual: true, script: (message, process) => message.type === 'hello' && process.ready() },
    )
    const { execution, id } = await started(open)
    const closing = open.session.shutdown()
    await waitFor(open.worker.process.next('shutdown'))
    open.worker.process.result(id)
    expect(await execution.outcome).toMatchObject({ status: 'ok', state: 'lost' })
    open.worker.process.exit({ code: 0 })
    await waitFor(closing)
  })

  it('settles a cell that waits for a restart', async () => {
    const open = await openSession()
    const { execution } = await started(open)
    open.worker.process.exit({ code: 1 })
    await execution.outcome
    const queued = open.session.execute('queued')
    const closing = open.session.shutdown()
    expect(await queued.outcome).toMatchObject({
      status: 'cancelled',
      state: 'lost',
      error: { code: 'SESSION_CLOSED' },
    })
    await waitFor(closing)
  })
})

describe('a cancel behind bulk that is queued', () => {
  it('goes before an upload that was written before it', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const channel = open.session.stream('upload')
    await waitFor(open.worker.process.next('stream-open'))
    open.worker.process.send({ type: 'stream-credit', streamId: 'h1', bytes: 64 * 1024 * 1024 })
    await settleWire(open)
    const before = open.worker.process.received.length
    const written = channel.write(new Uint8Array(8 * 1024 * 1024))
    const stopped = execution.cancel()
    await waitFor(written)
    const types = open.worker.process.received.slice(before).map(({ type }) => type)
    expect(types.filter((type) => type === 'stream-data').length).toBeGreaterThan(100)
    expect(types[0]).toBe('cancel')
    open.worker.process.error(id, { status: 'cancelled', rung: 1 })
    expect(await waitFor(stopped)).toMatchObject({ status: 'cancelled', state: 'kept' })
  })
})
