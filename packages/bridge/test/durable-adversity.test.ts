import { bridgeErrors, createMemoryStore, type DurablePromiseStore } from '@capsule/bridge'
import { encodeValue } from '@capsule/protocol'
import type { CapabilityGrants } from '@capsule/session'
import { createFakeClock, type FakeClock, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { openHost } from './durable-host.ts'
import { failureOf, settleQueue, sharedView } from './store-wrappers.ts'

const code = 'the cell'
const leaseMs = 3000
const value = (given: unknown) => ({ value: encodeValue(given, { bytes: 1000, depth: 10 })?.bytes as Uint8Array })

const openShared = (clock = createFakeClock()): { clock: FakeClock; store: DurablePromiseStore } => ({
  clock,
  store: sharedView(createMemoryStore({ clock })),
})

/** Second after second, so that what a timer begins has ended before the next. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await settleQueue()
    clock.advance(1000)
  }
  await settleQueue()
}

/** Creations of the id are answered when the test says so. */
function answeringLate(store: DurablePromiseStore, id: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const late: DurablePromiseStore = {
    ...store,
    async create(given, options) {
      const answer = await store.create(given, options)
      if (given.id === id) await promise
      return answer
    },
  }
  return { store: late, answer: resolve }
}

describe('the owner of an attempt', () => {
  it('keeps it from hosts whose leases are shorter', async () => {
    const { clock, store } = openShared()
    const one = openHost({ store, clock, leaseMs: 30_000 })
    const two = openHost({ store, clock, leaseMs: 1000, name: 'two' })
    const running = one.durable.execute({ id: 'job', code })
    const { process, executionId } = await one.worker()
    const waiting = two.durable.execute({ id: 'job', code })
    await pass(clock, 120)
    expect(two.workers).toHaveLength(0)
    process.result(executionId, value('mine'))
    expect((await waitFor(running)).attempt).toBe(1)
    expect((await waitFor(waiting)).attempt).toBe(1)
  })

  it('keeps it although its clock is behind by half a lease', async () => {
    const { clock, store } = openShared()
    const behind = { ...clock, wallTimeMs: () => clock.wallTimeMs() - leaseMs / 2 }
    const one = openHost({ store, clock: behind, leaseMs })
    const two = openHost({ store, clock, leaseMs, name: 'two' })
    const running = one.durable.execute({ id: 'job', code })
    const { process, executionId } = await one.worker()
    const waiting = two.durable.execute({ id: 'job', code })
    await pass(clock, 20)
    expect(two.workers).toHaveLength(0)
    expect(one.durable.info().counters.leasesLost).toBe(0)
    process.result(executionId, value('mine'))
    expect((await waitFor(running)).attempt).toBe(1)
    expect((await waitFor(waiting)).attempt).toBe(1)
  })

  it('keeps it with leases of no whole number of milliseconds', async () => {
    const { clock, store } = openShared()
    const one = openHost({ store, clock, leaseMs: 3000.5 })
    const running = one.durable.execute({ id: 'job', code })
    const { process, executionId } = await one.worker()
    await pass(clock, 20)
    expect(one.durable.info().counters.leasesLost).toBe(0)
    process.result(executionId, value(1))
    await running
  })

  it('knows no later than others that it has lost it, also when it heard late that it had it', async () => {
    const { clock, store } = openShared()
    const { store: late, answer } = answeringLate(store, 'capsule-exec-job:attempt.1')
    const cutOff: DurablePromiseStore = {
      ...late,
      create: (given, options) =>
        given.id.includes(':attempt.1.') ? new Promise(() => {}) : late.create(given, options),
    }
    const one = openHost({ store: cutOff, clock, leaseMs })
    void one.durable.execute({ id: 'job', code }).catch(() => {})
    await settleQueue()
    clock.advance(2000)
    answer()
    const { process } = await one.worker()
    const two = openHost({ store, clock, leaseMs, name: 'two' })
    void two.durable.execute({ id: 'job', code }).catch(() => {})
    await settleQueue()
    clock.advance(999)
    await settleQueue()
    expect(process.received.map(({ type }) => type)).not.toContain('cancel')
    expect(two.workers).toHaveLength(0)
    clock.advance(1)
    await waitFor(process.next('cancel'))
    await two.worker()
  })

  it('has one number for an attempt whose creation was answered at the second try', async () => {
    const { clock, store } = openShared()
    let failures = 1
    const losing: DurablePromiseStore = {
      ...store,
      async create(given, options) {
        const answer = await store.create(given, options)
        if (!given.id.includes(':attempt.') || failures-- <= 0) return answer
        throw bridgeErrors.STORE_UNAVAILABLE({ store: 'losing', action: 'create', reason: 'the answer was lost' })
      },
    }
    const one = openHost({ store: losing, clock })
    const running = one.durable.execute({ id: 'job', code })
    await settleQueue()
    clock.advance(50)
    const { process, executionId } = await one.worker()
    process.result(executionId, value(1))
    expect(await waitFor(running)).toMatchObject({ attempt: 1 })
    expect(one.durable.info().counters.takenOver).toBe(0)
  })

  it('gives back a lease that it was about to renew when it stopped, before it has ended', async () => {
    const { clock, store } = openShared()
    const { store: late, answer } = answeringLate(store, 'capsule-exec-job:attempt.1.1')
    const one = openHost({ store: late, clock, leaseMs })
    const running = failureOf(one.durable.execute({ id: 'job', code }))
    const { process, executionId } = await one.worker()
    clock.advance(leaseMs / 3)
    await settleQueue()
    const closed = one.bridge.close().then(() => one.durable.close())
    await waitFor(process.next('cancel'))
    process.error(executionId, { status: 'cancelled', rung: 1 })
    await running
    let hasEnded = false
    void closed.then(() => (hasEnded = true))
    await waitFor(process.next('shutdown'))
    process.exit({ code: 0 })
    await settleQueue()
    expect(hasEnded).toBe(false)
    answer()
    await waitFor(closed)
    expect(await store.get('capsule-exec-job:attempt.1.1')).toMatchObject({ state: 'resolved' })
  })
})

describe('a host that waits', () => {
  it('runs nothing when it hears of the end of the lease before it hears of the outcome', async () => {
    const { clock, store } = openShared()
    const one = openHost({ store, clock, leaseMs })
    const running = one.durable.execute({ id: 'job', code })
    const { process, executionId } = await one.worker()
    const told = Promise.withResolvers<void>()
    const slow: DurablePromiseStore = {
      ...store,
      async wait(id, options) {
        const record = await store.wait(id, options)
        if (id === 'capsule-exec-job') await told.promise
        return record
      },
    }
    const two = openHost({ store: slow, clock, leaseMs, name: 'two' })
    const waiting = two.durable.execute({ id: 'job', code })
    await settleQueue()
    process.result(executionId, value('mine'))
    await running
    await settleQueue()
    expect(two.workers).toHaveLength(0)
    told.resolve()
    expect(await waitFor(waiting)).toMatchObject({ outcome: { value: 'mine' }, attempt: 1, replayed: true })
    await settleQueue()
    expect(await store.get('capsule-exec-job:attempt.2')).toMatchObject({ state: 'resolved' })
    expect(two.durable.info().counters).toMatchObject({ takenOver: 0, sent: 0 })
  })
})

describe('a lease that its store has forgotten', () => {
  it('is one that has ended, for a host that was about to wait for it', async () => {
    const { clock, store } = openShared()
    const dead = openHost({ store, clock, leaseMs })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    await dead.worker()
    await settleQueue()
    dead.die()
    const forgetful: DurablePromiseStore = {
      ...store,
      async wait(id, options) {
        if (!id.includes(':attempt.')) return store.wait(id, options)
        await store.settle({ id, state: 'resolved' })
        throw bridgeErrors.PROMISE_NOT_FOUND({ id })
      },
    }
    const next = openHost({ store: forgetful, clock, leaseMs, name: 'two' })
    const running = next.durable.execute({ id: 'job', code })
    const { process, executionId } = await next.worker()
    process.result(executionId, value(1))
    expect(await running).toMatchObject({ attempt: 2 })
  })
})

describe('the time limit of the first call', () => {
  it.each([
    ['shorter', 5000],
    ['longer', 1e6],
  ])('counts for a later host that gives a %s one', async (_what, timeoutMs) => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code, timeoutMs: 100_000 }).catch(() => {})
    await dead.worker()
    dead.die()
    clock.advance(60_000)
    const next = openHost({ store, clock, name: 'two' })
    const running = next.durable.execute({ id: 'job', code, timeoutMs })
    const { process, executionId } = await next.worker()
    clock.advance(39_999)
    await settleQueue()
    expect(process.received.map(({ type }) => type)).not.toContain('cancel')
    clock.advance(1)
    expect(await waitFor(process.next('cancel'))).toMatchObject({ reason: 'timed-out' })
    process.error(executionId, { status: 'timed-out', rung: 1 })
    expect(await running).toMatchObject({ outcome: { status: 'timed-out' }, attempt: 2 })
  })
})

describe('what was asked', () => {
  it('is asked again after a callback that gave no answer', async () => {
    const clock = createFakeClock()
    const host = openHost({ store: createMemoryStore({ clock }), clock })
    const refused = failureOf(host.durable.execute({ id: 'job', code, onInput: () => undefined as never }))
    const first = await host.worker()
    const { executionId } = first
    first.process.send({ type: 'input-request', executionId, inputId: 'i1', prompt: 'Go?' })
    await waitFor(first.process.next('cancel'))
    first.process.error(executionId, { status: 'cancelled', rung: 1 })
    expect(await refused).toMatchObject({ code: 'INVALID_OPTIONS', message: /question 1 of job/ })
    const again = host.durable.execute({ id: 'job', code, onInput: () => 'yes' })
    const second = await host.worker(2)
    second.process.send({ type: 'input-request', executionId: second.executionId, inputId: 'j1', prompt: 'Go?' })
    expect(await waitFor(second.process.next('input-response'))).toMatchObject({ answer: { text: 'yes' } })
    second.process.result(second.executionId, value(1))
    expect(await again).toMatchObject({ attempt: 2 })
  })

  it('or called without a record is put away with the execution', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const grants: CapabilityGrants = {
      manifest: { capabilities: [{ name: 'bank.pay', returns: 'value' }], names: [], input: true },
      onManifest: () => () => {},
      askedInput: () => undefined,
      executionEnded: () => {},
      call: async () => ({ kind: 'error', error: { name: 'E', message: 'm', code: 'E' } }),
    }
    const host = openHost({ store, clock, grants })
    const running = host.durable.execute({ id: 'job', code })
    const { process, executionId } = await host.worker()
    process.send({ type: 'input-request', executionId, inputId: 'i1', prompt: 'Go?' })
    const call = { executionId, callId: 'c1', capability: 'bank.pay', args: value([7]).value, idempotencyKey: 'rent' }
    process.send({ type: 'capability-request', ...call })
    await waitFor(process.next('capability-response'))
    await settleQueue()
    for (const id of ['input.1', 'call.rent']) {
      expect(await store.get(`capsule-exec-job:${id}`)).toMatchObject({ state: 'pending' })
    }
    process.result(executionId, value(1))
    await running
    await settleQueue()
    for (const id of ['input.1', 'call.rent']) {
      expect(await store.get(`capsule-exec-job:${id}`)).toMatchObject({ state: 'canceled' })
    }
    await expect(host.durable.answerInput('job', 1, 'late')).rejects.toMatchObject({
      code: 'PROMISE_CANCELLED',
      details: { reason: 'its execution is over' },
    })
  })
})
