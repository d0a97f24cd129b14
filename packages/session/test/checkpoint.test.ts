import { createMemoryCheckpointStore, type Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { openSession, sessionEvent } from './open-session.ts'
import { answer, readAll, sendSnapshot, snapshotWorker } from './snapshot-worker.ts'

const payload = new Uint8Array(100_000).map((_, index) => index % 251)
const report = [{ name: 'a', status: 'restored' }]
const sends = snapshotWorker({ onCheckpoint: (channel) => sendSnapshot(channel, payload, report) })

describe('session.checkpoint()', () => {
  it('seals what the worker sends', async () => {
    const { session } = await openSession({}, sends)
    const checkpoint = await waitFor(session.checkpoint({ name: 'n' }))
    const { sessionId } = session
    expect(checkpoint).toMatchObject({ name: 'n', sessionId, cell: 3, payloadBytes: payload.length, report })
    expect(checkpoint.nodeVersion).toBe(process.version.slice(1))
  })

  it('is refused by an older worker, which is not asked', async () => {
    const { session, worker } = await openSession({}, { ready: { features: ['streams'] } })
    for (const call of [session.checkpoint(), session.fork()] as Promise<unknown>[]) {
      await expect(waitFor(call)).rejects.toMatchObject({ code: 'FEATURE_UNAVAILABLE' })
    }
    expect(() => session.execute('1', { transaction: 'rollback-always' })).toThrow('transactions')
    expect(worker.process.received.map(({ type }) => type)).toEqual(['hello'])
  })

  it.each([
    ['no facts', (bytes: Uint8Array) => bytes.slice(0, 3)],
    ['facts that are cut off', () => new Uint8Array([255, 255, 255, 255, 0])],
    ['facts that are no JSON', () => new Uint8Array([0, 0, 0, 1, 0x7b])],
    ['facts of another shape', () => Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('[]')])],
  ])('tells of a worker that sends %s', async (_, spoil) => {
    const onCheckpoint = async (channel: Parameters<typeof sendSnapshot>[0]): Promise<void> => {
      await channel.write(spoil(payload))
      await channel.end()
    }
    const { session } = await openSession({}, snapshotWorker({ onCheckpoint }))
    await expect(waitFor(session.checkpoint())).rejects.toMatchObject({
      code: 'CHECKPOINT_FAILED',
      cause: { code: 'INVALID_MESSAGE' },
    })
    expect((await session.run('on')).outcome.text).toBe('on')
  })

  it('takes no more than its limit from a worker', async () => {
    const { session } = await openSession(
      { checkpoints: { limits: { payloadBytes: 1000, headerBytes: 1000, blobBytes: 1000 } } },
      sends,
    )
    await expect(waitFor(session.checkpoint())).rejects.toMatchObject({ code: 'CHECKPOINT_TOO_LARGE' })
  })

  it('tells why the worker has none', async () => {
    const onCheckpoint = (channel: Parameters<typeof sendSnapshot>[0]): Promise<void> =>
      channel.fail(new Error('the engine broke'))
    const { session } = await openSession({}, snapshotWorker({ onCheckpoint }))
    await expect(waitFor(session.checkpoint())).rejects.toThrow('the engine broke')
  })

  it('ends with its worker, with a signal, with its time, and with the session', async () => {
    const { session, worker, clock } = await openSession({ checkpoints: { timeoutMs: 50 } }, snapshotWorker({}))
    const dying = session.checkpoint()
    await waitFor(worker.process.next('checkpoint'))
    worker.process.exit({ code: 1 })
    await expect(waitFor(dying)).rejects.toMatchObject({ code: 'WORKER_EXITED' })
    const controller = new AbortController()
    const aborted = session.checkpoint({ signal: controller.signal })
    await waitFor(worker.process.next('checkpoint'))
    controller.abort()
    await expect(waitFor(aborted)).rejects.toMatchObject({ code: 'CANCELLED' })
    const slow = session.checkpoint()
    await waitFor(worker.process.next('checkpoint'))
    clock.advance(50)
    await expect(waitFor(slow)).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    const last = session.checkpoint()
    await waitFor(worker.process.next('checkpoint'))
    void session.shutdown({ graceMs: 0 })
    await expect(waitFor(last)).rejects.toMatchObject({ code: 'SESSION_CLOSED' })
    await expect(session.checkpoint()).rejects.toMatchObject({ code: 'SESSION_CLOSED' })
  })

  it('refuses options that are none', async () => {
    const { session } = await openSession({}, sends)
    await expect(session.checkpoint({ names: 'x' } as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(session.restore(5 as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(session.restore('id', { mode: 'over' as never })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('tells an automatic one that fails by an event', async () => {
    const onCheckpoint = (channel: Parameters<typeof sendSnapshot>[0]): Promise<void> => channel.fail(new Error('no'))
    const { session } = await openSession({ checkpoints: { every: 1 } }, snapshotWorker({ onCheckpoint }))
    const failed = sessionEvent<Error>(session, 'checkpoint-failed')
    expect((await session.run('1')).outcome.status).toBe('ok')
    expect(await failed).toMatchObject({ code: 'CHECKPOINT_FAILED' })
    expect((await session.run('2')).outcome.status).toBe('ok')
  })

  it('goes first of what waits: the cells come behind it', async () => {
    const order: string[] = []
    const { session, worker } = await openSession(
      { checkpoints: { before: (code) => code === 'risky' } },
      snapshotWorker({
        onCheckpoint: async (channel) => {
          order.push('checkpoint')
          await sendSnapshot(channel, payload)
        },
      }),
    )
    session.events.on('checkpoint', () => order.push('kept'))
    const runs = ['a', 'risky', 'b'].map(async (code) => {
      await session.execute(code, { queue: true }).outcome
      order.push(code)
    })
    await waitFor(Promise.all(runs))
    expect(order).toEqual(['a', 'checkpoint', 'kept', 'risky', 'b'])
    expect(worker.process.received.filter(({ type }) => type === 'checkpoint')).toHaveLength(1)
  })
})

describe('session.restore()', () => {
  const checkpointOf = async (session: Session) => waitFor(session.checkpoint())

  it('sends the payload and gives the report', async () => {
    let got: Uint8Array | undefined
    const { session } = await openSession(
      {},
      snapshotWorker({
        onCheckpoint: (channel) => sendSnapshot(channel, payload),
        onRestore: async (channel) => {
          got = await readAll(channel)
          await answer(channel, { kind: 'restored', report })
        },
      }),
    )
    const { id, bytes } = await checkpointOf(session)
    expect(await waitFor(session.restore(bytes))).toEqual({ checkpointId: id, mode: 'replace', report })
    expect(Buffer.compare(got as Uint8Array, payload)).toBe(0)
    expect(session.info().restored).toEqual({ checkpointId: id, mode: 'replace', report })
  })

  it.each([
    [{ kind: 'malformed', problem: 'a record is broken' }, 'CHECKPOINT_MALFORMED'],
    [{ kind: 'failed', error: { name: 'Error', message: 'interrupted' } }, 'RESTORE_FAILED'],
    [{ kind: 'nonsense' }, 'RESTORE_FAILED'],
  ])('tells of the answer %j', async (told, code) => {
    const { session } = await openSession(
      {},
      snapshotWorker({
        onCheckpoint: (channel) => sendSnapshot(channel, payload),
        onRestore: async (channel) => {
          await readAll(channel)
          await answer(channel, told)
        },
      }),
    )
    await expect(waitFor(session.restore(await checkpointOf(session)))).rejects.toMatchObject({ code })
    expect(session.info().restored).toBeUndefined()
    expect((await session.run('on')).outcome.text).toBe('on')
  })

  it('interrupts a restore that takes too long, and ends the worker when that does not help', async () => {
    const { session, worker, clock } = await openSession(
      { checkpoints: { timeoutMs: 100 }, graceMs: 10 },
      snapshotWorker({ onCheckpoint: (channel) => sendSnapshot(channel, payload), onRestore: readAll }),
    )
    const restoring = session.restore(await checkpointOf(session))
    const { process } = worker
    await waitFor(process.next('restore'))
    clock.advance(100)
    await waitFor(process.next('interrupt'))
    clock.advance(10)
    await expect(waitFor(restoring)).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    expect((await session.run('next')).outcome).toMatchObject({ status: 'crashed', state: 'lost' })
  })
})

describe('session.history()', () => {
  it('names a checkpoint only where it holds what the cell left', async () => {
    const { session, worker } = await openSession(
      {},
      snapshotWorker({
        onCheckpoint: (channel) => sendSnapshot(channel, payload),
        onRestore: async (channel) => {
          await readAll(channel)
          await answer(channel, { kind: 'restored', report })
        },
      }),
    )
    const ids = (): (string | undefined)[] => session.history().map(({ checkpointId }) => checkpointId)
    await session.run('a')
    const first = await waitFor(session.checkpoint())
    await session.run('b')
    await waitFor(session.restore(first))
    await waitFor(session.checkpoint())
    expect(ids()).toEqual([first.id, undefined])
    await session.run('c')
    worker.process.exit({ code: 1 })
    await sessionEvent(session, 'restarted')
    await waitFor(session.checkpoint())
    expect(ids()).toEqual([first.id, undefined, undefined])
  })
})

describe('recovery from a checkpoint', () => {
  it('tells each execution what became of the namespace', async () => {
    const store = createMemoryCheckpointStore()
    let isRestored = true
    const { session, worker } = await openSession(
      { checkpoints: { store, recover: true } },
      snapshotWorker({
        onCheckpoint: (channel) => sendSnapshot(channel, payload),
        onRestore: async (channel) => {
          await readAll(channel)
          await answer(channel, isRestored ? { kind: 'restored', report } : { kind: 'malformed', problem: 'no' })
        },
      }),
    )
    const { id } = await waitFor(session.checkpoint())
    worker.process.exit({ code: 3 })
    await sessionEvent(session, 'restarted')
    // an idle death is told by the next outcome
    const told = await waitFor(session.execute('told').outcome)
    expect(told).toMatchObject({ status: 'crashed', state: 'rolled-back', checkpointId: id, exit: { code: 3 } })
    isRestored = false
    const failed = sessionEvent<Error>(session, 'checkpoint-failed')
    worker.process.exit({ code: 4 })
    const outcome = await waitFor(session.execute('again', { queue: true }).outcome)
    expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { code: 4 } })
    expect(await failed).toMatchObject({ code: 'CHECKPOINT_MALFORMED' })
  })

  it('settles what waits for it when the session is shut down meanwhile', async () => {
    const restoring = Promise.withResolvers<void>()
    const { session, worker } = await openSession(
      { checkpoints: { recover: true } },
      snapshotWorker({
        onCheckpoint: (channel) => sendSnapshot(channel, payload),
        onRestore: () => restoring.resolve(),
      }),
    )
    await waitFor(session.checkpoint())
    worker.process.exit({ code: 3 })
    await waitFor(restoring.promise)
    const execution = session.execute('waits', { queue: true })
    await waitFor(session.shutdown({ graceMs: 0 }))
    expect(await waitFor(execution.outcome)).toMatchObject({ state: 'lost' })
  })
})
