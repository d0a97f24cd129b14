import { protocolVersion } from '@capsule/protocol'
import { createSession } from '@capsule/session'
import { createScriptedWorker } from '@capsule/session/testing'
import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { echo, openSession, started } from './open-session.ts'

// the lowest minor of this major: what the first release spoke, before any feature was added
const protocol = { major: protocolVersion.major, minor: 0 }
const older = { ready: { protocol, features: [], codec: 'json' as const } }

describe('a worker of an older minor version, without any feature', () => {
  it('runs cells, and says what it is', async () => {
    const { session } = await openSession({}, { ...echo, ...older })
    expect((await session.run('1')).outcome).toMatchObject({ status: 'ok', text: '1' })
    expect(session.info()).toMatchObject({ state: 'ready', worker: { protocol, features: [], codec: 'json' } })
    expect(session.info().heartbeat).toBeUndefined()
  })

  it('refuses inspect() by name, and is not asked', async () => {
    const { session, worker } = await openSession({}, older)
    for (const call of [session.inspect(), session.bindings()] as Promise<unknown>[]) {
      await expect(waitFor(call)).rejects.toMatchObject({
        code: 'FEATURE_UNAVAILABLE',
        details: { feature: 'inspect' },
      })
    }
    expect(worker.process.received.map(({ type }) => type)).toEqual(['hello'])
  })

  it('refuses stream() by name, and is not asked', async () => {
    const { session, worker } = await openSession({}, older)
    expect(() => session.stream('a')).toThrow(
      expect.objectContaining({ code: 'FEATURE_UNAVAILABLE', details: { feature: 'streams' } }),
    )
    expect(worker.process.received.map(({ type }) => type)).toEqual(['hello'])
    expect(session.info().streams).toEqual({ open: 0, sentBytes: 0, receivedBytes: 0 })
  })

  it('is paused where it would need credit, and gets none', async () => {
    const open = await openSession({ outputWindowBytes: 10 }, older)
    const { execution, id } = await started(open)
    const events = execution[Symbol.asyncIterator]()
    for (let index = 0; index < 5; index++) open.worker.process.output(id, 'x'.repeat(8))
    open.worker.process.result(id)
    for (let index = 0; index < 5; index++) expect(await waitFor(events.next())).toMatchObject({ done: false })
    expect(await waitFor(events.next())).toMatchObject({ done: true })
    expect(open.worker.process.received.map(({ type }) => type)).toEqual(['hello', 'execute'])
  })

  it('is asked to cancel all the same, and killed after the grace', async () => {
    const open = await openSession({ graceMs: 10 }, older)
    const { execution, id } = await started(open)
    const cancelled = execution.cancel()
    await waitFor(open.worker.process.next('cancel'))
    open.worker.process.error(id, { status: 'cancelled', rung: 1 })
    expect(await cancelled).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    const stuck = await started(open)
    void stuck.execution.cancel()
    open.clock.advance(10)
    expect(await stuck.execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
  })

  it('still asks a person for what can be awaited', async () => {
    const open = await openSession({}, older)
    const running = open.session.run('cell', { onInput: () => 'Ada' })
    const { executionId } = await waitFor(open.worker.process.next('execute'))
    open.worker.process.ack(executionId)
    open.worker.process.send({ type: 'input-request', executionId, inputId: 'in-1', prompt: '?' })
    await waitFor(open.worker.process.next('input-response'))
    open.worker.process.result(executionId)
    expect((await running).outcome.status).toBe('ok')
  })

  it('refuses a session that wants several cells at once, by name, and its worker is gone', async () => {
    const worker = createScriptedWorker(older)
    const started = createSession({ connect: worker.connect, maxConcurrentExecutions: 2 })
    await expect(waitFor(started)).rejects.toMatchObject({
      code: 'FEATURE_UNAVAILABLE',
      details: { feature: 'concurrency' },
    })
    expect(worker.process.received.map(({ type }) => type)).toEqual(['hello'])
  })

  it('has queue and idempotency all the same: they are the host’s', async () => {
    const open = await openSession({}, { ...echo, ...older })
    const execute = (): ReturnType<typeof open.session.execute> =>
      open.session.execute('1', { queue: true, idempotencyKey: 'key' })
    const [first, second] = [execute(), execute()]
    expect(await second.outcome).toBe(await first.outcome)
    const sent = open.worker.process.received.filter(({ type }) => type === 'execute')
    expect(sent).toEqual([{ type: 'execute', executionId: first.executionId, code: '1' }])
  })
})

it('counts and ignores what a newer minor version adds', async () => {
  const open = await openSession()
  const { execution, id } = await started(open)
  open.worker.process.sendRaw({ type: 'from-the-future', executionId: id })
  open.worker.process.sendRaw({ type: 'output', executionId: id, stream: 'stdout', text: 'x', colour: 'red' })
  open.worker.process.result(id)
  expect(await execution.outcome).toMatchObject({ status: 'ok' })
  expect(open.session.info().counters).toMatchObject({ unknownMessages: 1, invalidMessages: 0 })
})
