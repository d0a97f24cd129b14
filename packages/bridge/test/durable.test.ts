import { createMemoryStore, type DurableQuestion } from '@capsule/bridge'
import { encodeValue } from '@capsule/protocol'
import type { CapabilityGrants } from '@capsule/session'
import { createFakeClock, waitFor } from '@capsule/testing'
import { describe, expect, it, vi } from 'vitest'
import { type DurableHost, openHost } from './durable-host.ts'
import { failureOf, settleQueue, sharedView } from './store-wrappers.ts'

const code = 'the cell'
const value = (given: unknown) => ({ value: encodeValue(given, { bytes: 1000, depth: 10 })?.bytes as Uint8Array })

/** A host whose cells end at once with this value. */
const ending =
  (given: unknown): Parameters<typeof openHost>[0]['script'] =>
  (message, process) => {
    if (message.type !== 'execute') return
    process.ack(message.executionId)
    process.result(message.executionId, value(given))
  }

async function asks(
  { process, executionId }: Awaited<ReturnType<DurableHost['worker']>>,
  prompt: string,
  inputId: string,
) {
  process.send({ type: 'input-request', executionId, inputId, prompt })
  return waitFor(process.next('input-response'))
}

describe('a durable execution', () => {
  it('runs once, and gives the recorded outcome from then on, to other processes too', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const one = openHost({ store, clock, script: ending(42) })
    const first = await one.durable.execute({ id: 'job', code })
    expect(first).toMatchObject({ id: 'job', outcome: { status: 'ok', value: 42 }, attempt: 1, replayed: false })
    expect(await one.durable.execute({ id: 'job', code })).toEqual({ ...first, replayed: true })
    await one.bridge.close()
    await one.durable.close()
    const two = openHost({ store, clock })
    expect(await two.durable.execute({ id: 'job', code })).toEqual({ ...first, replayed: true })
    expect(two.workers).toHaveLength(0)
    expect(await store.get('capsule-exec-job:attempt.1')).toMatchObject({ state: 'resolved' })
  })

  it('refuses other code under the same id, and ids and options that are none', async () => {
    const clock = createFakeClock()
    const { durable } = openHost({ store: createMemoryStore({ clock }), clock, script: ending(1) })
    await durable.execute({ id: 'job', code })
    await expect(durable.execute({ id: 'job', code: 'other' })).rejects.toMatchObject({ code: 'EXECUTION_CONFLICT' })
    await expect(durable.execute({ id: 'a b', code })).rejects.toMatchObject({ code: 'KEY_INVALID' })
    await expect(durable.execute({ id: 'a', code, timeout: 5 } as never)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    })
  })

  it('is finished by a later process when its host was killed', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    await dead.worker()
    dead.die()
    const next = openHost({ store, clock, name: 'two', script: ending('done') })
    expect(await next.durable.execute({ id: 'job', code })).toMatchObject({
      outcome: { value: 'done' },
      attempt: 2,
      replayed: false,
    })
    expect(next.durable.info().counters.takenOver).toBe(1)
  })

  it('runs again when its worker died, and tells the crash when that happens too often', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const host = openHost({ store, clock, crashRetries: 1 })
    const running = host.durable.execute({ id: 'job', code })
    ;(await host.worker(1)).process.exit({ signal: 'SIGKILL' })
    const second = await host.worker(2)
    second.process.result(second.executionId, value(2))
    expect(await running).toMatchObject({ outcome: { status: 'ok', value: 2 }, attempt: 2 })
    const doomed = host.durable.execute({ id: 'doomed', code })
    ;(await host.worker(3)).process.exit({ signal: 'SIGKILL' })
    ;(await host.worker(4)).process.exit({ signal: 'SIGKILL' })
    expect(await doomed).toMatchObject({ outcome: { status: 'crashed', state: 'lost' }, attempt: 2 })
    expect(await host.durable.execute({ id: 'doomed', code })).toMatchObject({ outcome: { status: 'crashed' } })
  })

  it('is stopped by its signal without a record, and is another attempt the next time', async () => {
    const clock = createFakeClock()
    const host = openHost({ store: createMemoryStore({ clock }), clock })
    const stop = new AbortController()
    const running = host.durable.execute({ id: 'job', code, signal: stop.signal })
    const first = await host.worker()
    stop.abort()
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    await waitFor(first.process.next('cancel'))
    const again = host.durable.execute({ id: 'job', code })
    await settleQueue()
    expect(host.workers).toHaveLength(1)
    // it has caught that it was stopped
    first.process.result(first.executionId, value('instead'))
    const second = await host.worker(2)
    second.process.result(second.executionId, value('again'))
    expect(await again).toMatchObject({ outcome: { value: 'again' }, attempt: 2 })
  })

  it('is not recorded when something else has cancelled its cell', async () => {
    const clock = createFakeClock()
    const host = openHost({ store: createMemoryStore({ clock }), clock })
    const running = host.durable.execute({ id: 'job', code })
    const { process, executionId } = await host.worker()
    process.error(executionId, { status: 'cancelled', rung: 1 })
    await expect(running).rejects.toMatchObject({ code: 'EXECUTION_STOPPED', details: { id: 'job', attempt: 1 } })
    expect(host.durable.info().pending).toBe(0)
  })

  it('is cancelled for good by cancel(), on whichever host', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openHost({ store, clock })
    const two = openHost({ store, clock, name: 'two' })
    const running = one.durable.execute({ id: 'job', code })
    const refused = failureOf(running)
    const { process } = await one.worker()
    expect(await two.durable.cancel('job', { reason: 'enough' })).toBe(true)
    expect(await refused).toMatchObject({ code: 'PROMISE_CANCELLED', details: { reason: 'enough' } })
    await waitFor(process.next('cancel'))
    await expect(two.durable.execute({ id: 'job', code })).rejects.toMatchObject({ code: 'PROMISE_CANCELLED' })
    expect(await two.durable.cancel('job')).toBe(false)
    expect(await two.durable.cancel('nothing')).toBe(false)
  })

  it('has one time limit for all of its attempts', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code, timeoutMs: 10_000 }).catch(() => {})
    await dead.worker()
    dead.die()
    clock.advance(6000)
    const next = openHost({ store, clock, name: 'two' })
    const running = next.durable.execute({ id: 'job', code, timeoutMs: 10_000 })
    const { process, executionId } = await next.worker()
    clock.advance(4000)
    expect(await waitFor(process.next('cancel'))).toMatchObject({ reason: 'timed-out' })
    process.error(executionId, { status: 'timed-out', rung: 1 })
    expect(await running).toMatchObject({ outcome: { status: 'timed-out' }, attempt: 2 })
    expect(await next.durable.execute({ id: 'job', code })).toMatchObject({ outcome: { status: 'timed-out' } })
  })

  it('tells that the time was over before a host came', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code, timeoutMs: 10_000 }).catch(() => {})
    await dead.worker()
    dead.die()
    clock.advance(12_000)
    const next = openHost({ store, clock, name: 'two' })
    const late = { code: 'PROMISE_TIMED_OUT' }
    await expect(next.durable.execute({ id: 'job', code, timeoutMs: 10_000 })).rejects.toMatchObject(late)
    clock.advance(60_000)
    await expect(next.durable.execute({ id: 'job', code })).rejects.toMatchObject(late)
  })

  it('leaves its executions to a later process when the bridge is closed', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const one = openHost({ store, clock })
    const running = one.durable.execute({ id: 'job', code })
    const refused = failureOf(running)
    const { process, executionId } = await one.worker()
    const closed = one.bridge.close()
    expect(await refused).toMatchObject({ code: 'BRIDGE_CLOSED' })
    await waitFor(process.next('cancel'))
    process.error(executionId, { status: 'cancelled', rung: 1 })
    await waitFor(closed)
    const two = openHost({ store, clock, name: 'two', script: ending('later') })
    expect(await two.durable.execute({ id: 'job', code })).toMatchObject({ outcome: { value: 'later' }, attempt: 2 })
  })
})

describe('questions of a durable execution', () => {
  it('are answered from the record when the cell runs again; an open one is shown again', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    const shown: string[] = []
    const onInput = (prompt: string, { n }: DurableQuestion): Promise<string> | string => {
      shown.push(`${n} ${prompt}`)
      return n === 1 ? 'Ada' : new Promise<string>(() => {})
    }
    void dead.durable.execute({ id: 'job', code, onInput }).catch(() => {})
    const first = await dead.worker()
    expect(await asks(first, 'Name?', 'i1')).toMatchObject({ answer: { text: 'Ada' } })
    first.process.send({ type: 'input-request', executionId: first.executionId, inputId: 'i2', prompt: 'Year?' })
    await settleQueue()
    expect(shown).toEqual(['1 Name?', '2 Year?'])
    dead.die()
    const next = openHost({ store, clock, name: 'two' })
    const again = vi.fn<(prompt: string, question: DurableQuestion) => string>((_prompt, { n }) => `answer ${n}`)
    const running = next.durable.execute({ id: 'job', code, onInput: again })
    const second = await next.worker()
    expect(await asks(second, 'Name?', 'j1')).toMatchObject({ answer: { text: 'Ada' } })
    expect(await asks(second, 'Year?', 'j2')).toMatchObject({ answer: { text: 'answer 2' } })
    second.process.result(second.executionId, value(1))
    await running
    expect(again).toHaveBeenCalledTimes(1)
    expect(next.durable.info().counters.replayedInputs).toBe(1)
  })

  it('take an answer given after the restart, before the cell runs again, and are not asked then', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    const first = await dead.worker()
    first.process.send({ type: 'input-request', executionId: first.executionId, inputId: 'i1', prompt: 'Go?' })
    await settleQueue()
    dead.die()
    const next = openHost({ store, clock, name: 'two' })
    await expect(next.durable.answerInput('job', 2, 'x')).rejects.toMatchObject({ code: 'INPUT_NOT_ASKED' })
    expect(await next.durable.answerInput('job', 1, 'yes')).toEqual({ applied: true, answer: 'yes' })
    expect(await next.durable.answerInput('job', 1, 'no')).toEqual({ applied: false, answer: 'yes' })
    const onInput = vi.fn<() => string>(() => 'never')
    const running = next.durable.execute({ id: 'job', code, onInput })
    const second = await next.worker()
    expect(await asks(second, 'Go?', 'j1')).toMatchObject({ answer: { text: 'yes' } })
    second.process.result(second.executionId, value(1))
    await running
    expect(onInput).not.toHaveBeenCalled()
  })

  it('are answered by another process of a shared store while the cell waits', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openHost({ store, clock })
    const two = openHost({ store, clock, name: 'two' })
    const running = one.durable.execute({ id: 'job', code })
    const cell = await one.worker()
    const answered = asks(cell, 'Go?', 'i1')
    await settleQueue()
    await two.durable.answerInput('job', 1, null)
    expect(await answered).toMatchObject({ answer: { kind: 'eof' } })
    cell.process.result(cell.executionId, value(1))
    await running
  })

  it('stay asked once when the worker dies: the next attempt gets the answer', async () => {
    const clock = createFakeClock()
    const host = openHost({ store: createMemoryStore({ clock }), clock })
    const reply = Promise.withResolvers<string>()
    const onInput = vi.fn<() => Promise<string>>(() => reply.promise)
    const running = host.durable.execute({ id: 'job', code, onInput })
    const first = await host.worker()
    first.process.send({ type: 'input-request', executionId: first.executionId, inputId: 'i1', prompt: 'Go?' })
    await settleQueue()
    first.process.exit({ signal: 'SIGKILL' })
    const second = await host.worker(2)
    const answered = asks(second, 'Go?', 'j1')
    await settleQueue()
    reply.resolve('yes')
    expect(await answered).toMatchObject({ answer: { text: 'yes' } })
    second.process.result(second.executionId, value(1))
    expect(await running).toMatchObject({ attempt: 2 })
    expect(onInput).toHaveBeenCalledTimes(1)
  })

  it('end the cell with a typed error when it asks something else than before', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const dead = openHost({ store, clock })
    void dead.durable.execute({ id: 'job', code, onInput: () => 'Ada' }).catch(() => {})
    await asks(await dead.worker(), 'Name?', 'i1')
    dead.die()
    const next = openHost({ store, clock, name: 'two' })
    const onInput = vi.fn<() => string>(() => 'never')
    const running = next.durable.execute({ id: 'job', code, onInput })
    const { process, executionId } = await next.worker()
    process.send({ type: 'input-request', executionId, inputId: 'j1', prompt: 'Age?' })
    await waitFor(process.next('cancel'))
    process.error(executionId, { status: 'cancelled', rung: 1 })
    const expected = { outcome: { status: 'error', error: { code: 'REPLAY_DIVERGED' } }, attempt: 2 }
    expect(await running).toMatchObject(expected)
    expect(await next.durable.execute({ id: 'job', code })).toMatchObject(expected)
    expect(onInput).not.toHaveBeenCalled()
  })

  it('reject the call with what onInput throws, and nothing is recorded', async () => {
    const clock = createFakeClock()
    const host = openHost({ store: createMemoryStore({ clock }), clock })
    const onInput = (): never => {
      throw new Error('no terminal')
    }
    const running = host.durable.execute({ id: 'job', code, onInput })
    const { process, executionId } = await host.worker()
    const refused = failureOf(running)
    process.send({ type: 'input-request', executionId, inputId: 'i1', prompt: 'Go?' })
    await waitFor(process.next('cancel'))
    process.error(executionId, { status: 'cancelled', rung: 1 })
    expect(await refused).toMatchObject({ message: 'no terminal' })
    const again = host.durable.execute({ id: 'job', code, onInput: () => 'yes' })
    const second = await host.worker(2)
    expect(await asks(second, 'Go?', 'j1')).toMatchObject({ answer: { text: 'yes' } })
    second.process.result(second.executionId, value(1))
    expect(await again).toMatchObject({ attempt: 2 })
  })
})

describe('capability calls of a durable execution', () => {
  function countingGrants(): CapabilityGrants & { calls: string[] } {
    const calls: string[] = []
    return {
      calls,
      manifest: { capabilities: [{ name: 'bank.pay', returns: 'value' }], names: [], input: true },
      onManifest: () => () => {},
      askedInput: () => undefined,
      executionEnded: () => {},
      async call({ capability, idempotencyKey = 'none' }) {
        calls.push(`${capability} ${idempotencyKey}`)
        if (idempotencyKey.startsWith('fail')) return { kind: 'error', error: { name: 'E', message: 'm', code: 'E' } }
        return { kind: 'value', ...value(calls.length) }
      },
    }
  }
  async function call(
    { process, executionId }: Awaited<ReturnType<DurableHost['worker']>>,
    callId: string,
    idempotencyKey?: string,
  ) {
    const { value: args } = value([7])
    process.send({ type: 'capability-request', executionId, callId, capability: 'bank.pay', args, idempotencyKey })
    const { answer } = await waitFor(process.next('capability-response'))
    return answer
  }

  it('with a key are made once; without one, and failed ones, again', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const grants = countingGrants()
    const dead = openHost({ store, clock, grants })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    const first = await dead.worker()
    const paid = await call(first, 'c1', 'rent')
    await call(first, 'c2')
    expect(await call(first, 'c3', 'fail')).toMatchObject({ kind: 'error' })
    dead.die()
    const next = openHost({ store, clock, name: 'two', grants })
    const running = next.durable.execute({ id: 'job', code })
    const second = await next.worker()
    expect(await call(second, 'd1', 'rent')).toEqual(paid)
    await call(second, 'd2')
    await call(second, 'd3', 'fail')
    second.process.result(second.executionId, value(1))
    await running
    expect(grants.calls).toEqual(['bank.pay rent', 'bank.pay none', 'bank.pay fail', 'bank.pay none', 'bank.pay fail'])
    expect(next.durable.info().counters.replayedCalls).toBe(1)
  })

  it('are refused by the grants, not answered from the record, once they are not granted', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const grants = countingGrants()
    const dead = openHost({ store, clock, grants })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    await call(await dead.worker(), 'c1', 'rent')
    dead.die()
    const revoked: CapabilityGrants = {
      ...grants,
      manifest: { capabilities: [], names: [], input: true },
      call: async () => ({ kind: 'error', error: { name: 'E', message: 'm', code: 'CAPABILITY_DENIED' } }),
    }
    const next = openHost({ store, clock, name: 'two', grants: revoked })
    const running = next.durable.execute({ id: 'job', code })
    const second = await next.worker()
    expect(await call(second, 'd1', 'rent')).toMatchObject({ error: { code: 'CAPABILITY_DENIED' } })
    second.process.result(second.executionId, value(1))
    await running
  })
})

describe('leases on a shared store', () => {
  const leaseMs = 3000

  it('keep others waiting as long as the owner lives, and give them its outcome', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openHost({ store, clock, leaseMs })
    const two = openHost({ store, clock, leaseMs, name: 'two' })
    const running = one.durable.execute({ id: 'job', code })
    const { process, executionId } = await one.worker()
    const waiting = two.durable.execute({ id: 'job', code })
    for (let second = 0; second < 30; second++) {
      await settleQueue()
      clock.advance(1000)
    }
    await settleQueue()
    expect(two.workers).toHaveLength(0)
    process.result(executionId, value('mine'))
    expect(await running).toMatchObject({ outcome: { value: 'mine' }, attempt: 1, replayed: false })
    expect(await waitFor(waiting)).toMatchObject({ outcome: { value: 'mine' }, attempt: 1, replayed: true })
  })

  it('end with the owner: one of those who wait takes over, after the lease and not before', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const dead = openHost({ store, clock, leaseMs })
    void dead.durable.execute({ id: 'job', code }).catch(() => {})
    await dead.worker()
    await settleQueue()
    dead.die()
    const others = ['two', 'three'].map((name) => openHost({ store, clock, leaseMs, name, script: ending(name) }))
    const waiting = others.map(({ durable }) => durable.execute({ id: 'job', code }))
    await settleQueue()
    clock.advance(leaseMs - 1)
    await settleQueue()
    expect(others.map(({ workers }) => workers.length)).toEqual([0, 0])
    clock.advance(1)
    const results = await waitFor(Promise.all(waiting))
    expect(results[0]?.outcome).toEqual(results[1]?.outcome)
    expect(results.map(({ attempt }) => attempt)).toEqual([2, 2])
    expect(others.map(({ workers }) => workers.length).toSorted((a, b) => a - b)).toEqual([0, 1])
  })

  it('are released when the owner stops by itself: another goes on at once', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openHost({ store, clock, leaseMs })
    const two = openHost({ store, clock, leaseMs, name: 'two', script: ending('two') })
    const stop = new AbortController()
    const running = one.durable.execute({ id: 'job', code, signal: stop.signal }).catch(() => {})
    const { process, executionId } = await one.worker()
    const waiting = two.durable.execute({ id: 'job', code })
    await settleQueue()
    stop.abort()
    await waitFor(process.next('cancel'))
    process.error(executionId, { status: 'cancelled', rung: 1 })
    await running
    expect(await waitFor(waiting)).toMatchObject({ outcome: { value: 'two' }, attempt: 2 })
  })

  it('stop the cell of an owner that is cut off from the store, no later than another may run it', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openHost({ store, clock, leaseMs })
    void one.durable.execute({ id: 'job', code }).catch(() => {})
    const { process } = await one.worker()
    await settleQueue()
    one.die()
    clock.advance(leaseMs)
    expect(await waitFor(process.next('cancel'))).toMatchObject({ reason: 'cancelled' })
    expect(one.durable.info().counters.leasesLost).toBe(1)
  })

  it('are lost to a later attempt: the cell stops, and the call gives the outcome of the other', async () => {
    const clock = createFakeClock()
    const memory = createMemoryStore({ clock })
    const store = sharedView(memory)
    const one = openHost({ store, clock, leaseMs })
    const running = one.durable.execute({ id: 'job', code })
    const first = await one.worker()
    await settleQueue()
    // as a host does whose clock is far ahead
    const two = openHost({ store: memory, clock, name: 'two' })
    const other = two.durable.execute({ id: 'job', code })
    const second = await two.worker()
    clock.advance(leaseMs / 3)
    await waitFor(first.process.next('cancel'))
    first.process.error(first.executionId, { status: 'cancelled', rung: 1 })
    await settleQueue()
    second.process.result(second.executionId, value('the other'))
    expect(await waitFor(running)).toMatchObject({ outcome: { value: 'the other' }, attempt: 2, replayed: true })
    expect(await other).toMatchObject({ outcome: { value: 'the other' }, attempt: 2 })
    expect(one.workers).toHaveLength(1)
  })
})
