import type { DisplayMessage } from '@capsule/protocol'
import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { credits, eventsOf, type OpenSession, openSession, sessionEvent, settleWire, started } from './open-session.ts'

const several = { maxConcurrentExecutions: 3 }

const receivedTypes = ({ worker }: OpenSession): string[] => worker.process.received.map(({ type }) => type)
describe('maxConcurrentExecutions', () => {
  it('is told to the worker only when it is more than one', async () => {
    const one = await openSession()
    expect(one.worker.process.received[0]).not.toHaveProperty('maxConcurrentExecutions')
    const three = await openSession(several)
    expect(three.worker.process.received[0]).toMatchObject({ type: 'hello', maxConcurrentExecutions: 3 })
  })

  it.each([0, 1.5, -1, Number.NaN, Infinity, '3'])('is refused as %s', async (maxConcurrentExecutions) => {
    const opened = openSession({ maxConcurrentExecutions: maxConcurrentExecutions as number })
    await expect(opened).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('gives cells more time to obey where others would be hit', async () => {
    const cooperativeMsOf = async (options: Parameters<typeof openSession>[0]): Promise<number> => {
      const open = await openSession(options)
      const { execution, id } = await started(open)
      void execution.cancel()
      const { cooperativeMs } = await waitFor(open.worker.process.next('cancel'))
      open.worker.process.error(id, { status: 'cancelled', rung: 1 })
      return cooperativeMs
    }
    expect(await cooperativeMsOf({})).toBe(30)
    expect(await cooperativeMsOf(several)).toBe(250)
    expect(await cooperativeMsOf({ ...several, cooperativeMs: 5 })).toBe(5)
  })
})

describe('several executions at once', () => {
  it('are sent at once up to the limit, then queued in order', async () => {
    const open = await openSession(several)
    const running = [await started(open), await started(open), await started(open)]
    const [first, second] = running
    expect(() => open.session.execute('4')).toThrow(
      expect.objectContaining({ code: 'SESSION_BUSY', details: { executionId: first?.id } }),
    )
    const queued = ['4', '5'].map((code) => open.session.execute(code, { queue: true }))
    expect(open.session.info()).toMatchObject({ state: 'busy', counters: { running: 3, queued: 2 } })
    open.worker.process.result(second?.id ?? '')
    expect(await second?.execution.outcome).toMatchObject({ status: 'ok' })
    expect((await waitFor(open.worker.process.next('execute'))).executionId).toBe(queued[0]?.executionId)
    open.worker.process.result(first?.id ?? '')
    expect((await waitFor(open.worker.process.next('execute'))).executionId).toBe(queued[1]?.executionId)
  })

  it('are as many as the limit says while the worker starts anew', async () => {
    const open = await openSession(several)
    open.worker.process.exit({ code: 1 })
    await sessionEvent(open.session, 'crashed')
    // the death that nobody was told of
    expect(await open.session.execute('told').outcome).toMatchObject({ status: 'crashed' })
    for (let index = 0; index < 3; index++) open.session.execute('cell')
    expect(() => open.session.execute('4')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    for (let index = 0; index < 3; index++) {
      await waitFor(open.worker.process.next('execute'))
    }
    expect(open.session.info().counters).toMatchObject({ running: 3, queued: 0 })
  })

  it('leave the others alone when one cannot be sent', async () => {
    const open = await openSession(several)
    const { execution, id } = await started(open)
    expect(() => open.session.execute('x'.repeat(11 * 1024 * 1024))).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
    )
    expect(open.session.info()).toMatchObject({ state: 'busy', counters: { running: 1 } })
    open.worker.process.result(id)
    expect(await execution.outcome).toMatchObject({ status: 'ok' })
    expect(open.session.info().state).toBe('ready')
  })

  it('put their displays together, however their parts mix', async () => {
    const open = await openSession(several)
    const [first, second] = [await started(open), await started(open)]
    const send = (executionId: string, text: string, index: number): void => {
      const message: DisplayMessage = {
        type: 'display',
        executionId,
        displayId: 'd',
        action: 'show',
        data: { 'text/plain': text },
        part: { index, count: 2 },
      }
      open.worker.process.send(message)
    }
    send(first.id, 'a', 0)
    send(second.id, 'c', 0)
    send(first.id, 'b', 1)
    send(second.id, 'd', 1)
    for (const { id } of [first, second]) open.worker.process.result(id)
    expect(await waitFor(eventsOf(first.execution))).toMatchObject([{ data: { 'text/plain': 'ab' } }])
    expect(await waitFor(eventsOf(second.execution))).toMatchObject([{ data: { 'text/plain': 'cd' } }])
    expect(open.session.info().counters.invalidMessages).toBe(0)
  })

  it('put a late display together while its execution settles', async () => {
    const open = await openSession(several)
    const { execution, id } = await started(open)
    const send = (index: number): void =>
      open.worker.process.send({
        type: 'display',
        executionId: id,
        displayId: 'd',
        action: 'show',
        data: { 'text/plain': 'x' },
        part: { index, count: 2 },
        late: true,
      })
    const late = sessionEvent(open.session, 'late')
    open.worker.process.result(id)
    send(0)
    await execution.outcome
    send(1)
    expect(await late).toMatchObject({ type: 'display', data: { 'text/plain': 'xx' }, late: true })
  })

  it('share what is printed natively: the one started last has it', async () => {
    const open = await openSession(several)
    const [first, second] = [await started(open), await started(open)]
    open.worker.process.stray('stdout', 'while both run')
    open.worker.process.result(second.id)
    await second.execution.outcome
    open.worker.process.stray('stdout', 'while one runs')
    open.worker.process.result(first.id)
    expect(await waitFor(eventsOf(second.execution))).toMatchObject([{ text: 'while both run' }])
    expect(await waitFor(eventsOf(first.execution))).toMatchObject([{ text: 'while one runs' }])
  })

  it('count what is said for one that has settled, while others run', async () => {
    const open = await openSession(several)
    const [first, second] = [await started(open), await started(open)]
    open.worker.process.result(first.id)
    await first.execution.outcome
    open.worker.process.output(first.id, 'not said to be late')
    open.worker.process.result(first.id)
    open.worker.process.result(second.id)
    expect(await eventsOf(second.execution)).toEqual([])
    expect(open.session.info().counters).toMatchObject({ invalidMessages: 2, lateEvents: 0 })
  })

  it('are all interrupted, and interrupt() waits for all', async () => {
    const open = await openSession(several)
    const [first, second] = [await started(open), await started(open)]
    let isOver = false
    const interrupted = open.session.interrupt().then(() => (isOver = true))
    await waitFor(open.worker.process.next('interrupt'))
    open.worker.process.error(second.id, { status: 'cancelled', rung: 1 })
    await second.execution.outcome
    await settleWire(open)
    expect(isOver).toBe(false)
    open.worker.process.error(first.id, { status: 'cancelled', rung: 1 })
    await waitFor(interrupted)
    expect(receivedTypes(open)).not.toContain('cancel')
  })
})

describe('a worker killed for one of several executions', () => {
  it('costs the others their namespace, and each outcome says what happened to it', async () => {
    const open = await openSession(several)
    const [stuck, stopping, innocent] = [await started(open), await started(open), await started(open)] as const
    const queued = open.session.execute('next', { queue: true })
    void stopping.execution.cancel({ graceMs: 1000 })
    open.worker.process.output(innocent.id, 'printed before')
    await settleWire(open)
    const outcome = stuck.execution.cancel({ graceMs: 10 })
    open.clock.advance(10)
    expect(await waitFor(outcome)).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    expect(await stopping.execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    const told = await innocent.execution.outcome
    expect(told).toMatchObject({ status: 'crashed', state: 'lost', exit: { signal: 'SIGKILL' } })
    expect(told.error).toMatchObject({ code: 'KILLED', message: expect.stringContaining(stuck.id) })
    expect(told).not.toHaveProperty('cancelRung')
    expect(await eventsOf(innocent.execution)).toMatchObject([{ text: 'printed before' }])
    expect((await waitFor(open.worker.process.next('execute'))).executionId).toBe(queued.executionId)
    expect(open.worker.process.generation).toBe(2)
  })

  it('leaves one that ended before the kill as it was, but for the namespace', async () => {
    const open = await openSession(several)
    const [stuck, ended] = [await started(open), await started(open)]
    // on its way when the grace is over
    open.worker.process.result(ended.id, { text: 'mine' })
    void stuck.execution.cancel({ graceMs: 0 })
    open.clock.advance(0)
    expect(await ended.execution.outcome).toMatchObject({ status: 'ok', state: 'lost', text: 'mine' })
    expect(await stuck.execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost' })
  })
})

describe('readers of several executions', () => {
  const outputWindowBytes = 1000
  const chunk = 'x'.repeat(500)

  const chunks = 7

  async function print(open: OpenSession, id: string): Promise<void> {
    for (let index = 0; index < chunks; index++) open.worker.process.output(id, chunk)
    await settleWire(open)
  }

  it('keep nobody waiting: what they have not read yet waits here', async () => {
    const open = await openSession({ ...several, outputWindowBytes })
    const first = await started(open)
    await print(open, first.id)
    expect(credits(open)).toEqual([])
    const second = await started(open)
    await settleWire(open)
    expect(credits(open)).toEqual([3500])
    await print(open, first.id)
    await print(open, second.id)
    expect(credits(open).reduce((sum, bytes) => sum + bytes)).toBe(3 * 3500)
    for (const { id } of [first, second]) open.worker.process.result(id)
    expect(await waitFor(eventsOf(second.execution))).toHaveLength(chunks)
    expect(await waitFor(eventsOf(first.execution))).toHaveLength(2 * chunks)
    expect((await first.execution.outcome).output.droppedBytes).toBe(0)
  })

  it('hold the worker up again once its execution is alone, for what comes then', async () => {
    const open = await openSession({ ...several, outputWindowBytes })
    const [first, second] = [await started(open), await started(open)]
    await print(open, first.id)
    await print(open, first.id)
    open.worker.process.result(second.id)
    await second.execution.outcome
    const before = credits(open).length
    // the backlog is more than what makes the host stop reading, and does not count
    await print(open, first.id)
    expect(credits(open)).toHaveLength(before)
    open.worker.process.result(first.id)
    expect(await waitFor(eventsOf(first.execution))).toHaveLength(3 * chunks)
  })

  it('keep no credit for displays that are unfinished, so that two of them cannot use it up', async () => {
    const open = await openSession({ ...several, outputWindowBytes })
    const [first, second] = [await started(open), await started(open)]
    const part = (executionId: string, index: number): void =>
      open.worker.process.send({
        type: 'display',
        executionId,
        displayId: 'd',
        action: 'show',
        data: { 'text/plain': 'x'.repeat(372) },
        part: { index, count: 2 },
      })
    part(first.id, 0)
    part(second.id, 0)
    await settleWire(open)
    expect(credits(open)).toEqual([510, 510])
    for (const { id } of [first, second]) {
      part(id, 1)
      open.worker.process.result(id)
    }
    for (const { execution } of [first, second]) {
      expect(await waitFor(eventsOf(execution))).toMatchObject([{ data: { 'text/plain': 'x'.repeat(744) } }])
    }
  })

  it('lose the oldest of what nobody reads, not without end', async () => {
    const open = await openSession({ ...several, outputWindowBytes })
    const [first, second] = [await started(open), await started(open)]
    const mebibyte = 'x'.repeat(1024 * 1024)
    for (let index = 0; index < 18; index++) open.worker.process.output(first.id, mebibyte)
    for (const { id } of [first, second]) open.worker.process.result(id)
    await second.execution.outcome
    expect(await waitFor(eventsOf(first.execution))).toHaveLength(16)
    expect((await first.execution.outcome).output).toMatchObject({ droppedChunks: 2 })
  })
})
