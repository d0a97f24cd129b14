import { type BridgedOutcome, createMemoryStore, type DurablePromiseStore } from '@capsule/bridge'
import { createCountingIds } from '@capsule/core'
import { createFakeClock, waitFor } from '@capsule/testing'
import { describe, expect, it, vi } from 'vitest'
import { bridged, openBridge, outcome, sending } from './bridge-tools.ts'
import { failureOf, settleQueue, sharedView } from './store-wrappers.ts'

/** Its own timers are not those of the bridge. */
const timelessStore = (): DurablePromiseStore => createMemoryStore({ clock: createFakeClock() })

describe('correlation', () => {
  it('creates, sends, settles and answers', async () => {
    const { bridge, store } = openBridge()
    const result = await bridge.execute({ key: 'a', fingerprint: 'f', send: async () => bridged(42) })
    expect(result.outcome.value).toBe(42)
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'resolved' })
    expect(bridge.info()).toMatchObject({
      state: 'open',
      pending: 0,
      pendingHighWater: 1,
      counters: { created: 1, sent: 1, resolved: 1, joined: 0 },
    })
  })

  it('sends once for concurrent calls with one key, and answers all', async () => {
    const { bridge } = openBridge()
    const { send, done, signals } = sending()
    const calls = [1, 2, 3].map(() => bridge.execute({ key: 'a', fingerprint: 'f', send }))
    await settleQueue()
    done.resolve(bridged('once'))
    for (const result of await Promise.all(calls)) expect(result.outcome.value).toBe('once')
    expect(signals).toHaveLength(1)
    expect(bridge.info().counters).toMatchObject({ created: 1, joined: 2, sent: 1 })
  })

  it('never resends what another has created, and is told when that settles', async () => {
    const clock = createFakeClock()
    const memory = sharedView(createMemoryStore({ clock }))
    const one = openBridge({ store: memory }, clock).bridge
    const two = openBridge({ store: memory }, clock).bridge
    const first = sending()
    const running = one.execute({ key: 'a', fingerprint: 'f', send: first.send })
    await settleQueue()
    const other = vi.fn<() => Promise<BridgedOutcome>>()
    const waiting = two.execute({ key: 'a', fingerprint: 'f', send: other })
    await settleQueue()
    first.done.resolve(bridged(1))
    expect((await running).outcome.value).toBe(1)
    expect((await waitFor(waiting)).outcome.value).toBe(1)
    expect(other).not.toHaveBeenCalled()
  })

  it('answers from memory, then from the store, and forgets by count and time', async () => {
    const { bridge, store, clock } = openBridge({ retention: { entries: 1, ttlMs: 1000 } })
    const send = vi.fn<() => Promise<BridgedOutcome>>(async () => bridged(1))
    const run = (key: string): Promise<BridgedOutcome> => bridge.execute({ key, fingerprint: 'f', send })
    await run('a')
    const before = store.calls.length
    await run('a')
    expect(store.calls.length).toBe(before)
    await run('b')
    expect(bridge.info().retained).toBe(1)
    await run('a')
    expect(store.calls.length).toBeGreaterThan(before + 2)
    clock.advance(2000)
    const later = store.calls.length
    await run('a')
    expect(store.calls.length).toBe(later + 1)
    expect(send).toHaveBeenCalledTimes(2)
  })

  it('answers from the record with all that an outcome can hold', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const value = {
      nothing: undefined,
      map: new Map<unknown, unknown>([[{ key: 1 }, new Set([1n])]]),
      date: new Date(5),
      bytes: new Uint8Array([1, 2]),
      floats: new Float64Array([Number.NaN]),
      not: Number.NaN,
      minus: -0,
      error: Object.assign(new RangeError('far', { cause: 'why' }), { code: 'E_FAR' }),
      expression: /a/gi,
    }
    const error = { name: 'Error', message: 'm', thrown: { at: new Date(7) } }
    const given = { outcome: outcome({ value, error, text: 'shown', truncated: true }), attempt: 3 }
    const one = openBridge({ store }, clock).bridge
    await one.execute({ key: 'a', fingerprint: 'f', send: async () => given })
    await one.close()
    const two = openBridge({ store }, clock).bridge
    const found = await two.execute({ key: 'a', fingerprint: 'f', send: () => Promise.reject(new Error('not again')) })
    expect(found).toStrictEqual(given)
    expect('nothing' in (found.outcome.value as object)).toBe(true)
    expect('exit' in found.outcome).toBe(false)
  })

  it('refuses another fingerprint under the same key, pending, remembered or recorded', async () => {
    const { bridge, store, clock } = openBridge()
    const { send, done } = sending()
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send })
    const conflict = { code: 'EXECUTION_CONFLICT', details: { id: 'a' } }
    await expect(bridge.execute({ key: 'a', fingerprint: 'g', send })).rejects.toMatchObject(conflict)
    done.resolve(bridged(1))
    await running
    await expect(bridge.execute({ key: 'a', fingerprint: 'g', send })).rejects.toMatchObject(conflict)
    const later = openBridge({ store }, clock).bridge
    await expect(later.execute({ key: 'a', fingerprint: 'g', send })).rejects.toMatchObject(conflict)
  })

  it('refuses keys and namespaces that would make ids of another form, or of another execution', async () => {
    const { bridge } = openBridge()
    for (const key of ['', 'a:b', 'a.b', 'ä', 'x'.repeat(129)]) {
      await expect(bridge.execute({ key, fingerprint: 'f', send: async () => bridged(1) })).rejects.toMatchObject({
        code: 'KEY_INVALID',
      })
    }
    for (const namespace of ['a b', 'a-exec-b', 'a-exec', '']) {
      expect(() => openBridge({ namespace })).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
    }
  })

  it('rejects and records what could not be sent, or is too large', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const { bridge } = openBridge({ store, maxValueBytes: 2000 }, clock)
    const failing = { key: 'a', fingerprint: 'f', send: () => Promise.reject(new Error('no route')) }
    await expect(bridge.execute(failing)).rejects.toMatchObject({ code: 'SEND_FAILED', message: /no route/ })
    const large = { key: 'b', fingerprint: 'f', send: async () => bridged('x'.repeat(3000)) }
    await expect(bridge.execute(large)).rejects.toMatchObject({ code: 'VALUE_NOT_RECORDED' })
    const { bridge: later } = openBridge({ store }, clock)
    await expect(later.execute({ ...failing, send: async () => bridged(1) })).rejects.toMatchObject({
      code: 'SEND_FAILED',
      message: /no route/,
    })
    await expect(later.execute({ ...large, send: async () => bridged(1) })).rejects.toMatchObject({
      code: 'VALUE_NOT_RECORDED',
    })
  })

  it('settles only after a creation under way', async () => {
    const { bridge, store } = openBridge()
    const open = store.hold('create')
    const asked = bridge.ask({ key: 'a', n: 1, prompt: 'p' })
    await settleQueue()
    const answered = bridge.answerInput('a', 1, 'yes')
    await settleQueue()
    expect(store.calls).toEqual(['create capsule-exec-a:input.1'])
    open()
    expect(await answered).toEqual({ applied: true, answer: 'yes' })
    expect(await asked).toBe('yes')
  })

  it('tells who waits only once the store has it', async () => {
    const { bridge, store } = openBridge()
    const open = store.hold('settle')
    const told = vi.fn<() => void>()
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send: async () => bridged(1) })
    void running.then(told)
    await settleQueue()
    expect(told).not.toHaveBeenCalled()
    open()
    await running
  })

  it('tells the record that came first, not its own outcome', async () => {
    const { bridge, store } = openBridge()
    const { send, done } = sending()
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send })
    await settleQueue()
    const other = openBridge({ store, ids: createCountingIds() }).bridge
    expect(await other.cancel('a', { reason: 'enough' })).toBe(true)
    done.resolve(bridged(1))
    await expect(running).rejects.toMatchObject({ code: 'PROMISE_CANCELLED', details: { reason: 'enough' } })
  })
})

describe('time limits', () => {
  it('rejects with a structured error before the store times out, and stops what was sent', async () => {
    const { bridge, store, clock } = openBridge({ storeGraceMs: 500 })
    const { send, signals } = sending()
    const running = bridge.execute({ key: 'a', fingerprint: 'f', timeoutMs: 1000, send })
    const refused = failureOf(running)
    await settleQueue()
    clock.advance(1000)
    expect(await refused).toMatchObject({ code: 'PROMISE_TIMED_OUT', details: { timeoutMs: 1000 } })
    expect(signals[0]?.aborted).toBe(true)
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'rejected' })
    clock.advance(10_000)
    const later = openBridge({ store }, clock).bridge
    await expect(later.execute({ key: 'a', fingerprint: 'f', send })).rejects.toMatchObject({
      code: 'PROMISE_TIMED_OUT',
      details: { timeoutMs: 1000 },
    })
    expect(bridge.info().counters.timedOut).toBe(1)
  })

  it('does not wait for a store that does not answer for longer than the grace', async () => {
    const { bridge, store, clock } = openBridge({ storeGraceMs: 500 })
    store.hold('create')
    const running = bridge.execute({ key: 'a', fingerprint: 'f', timeoutMs: 1000, send: async () => bridged(1) })
    const refused = failureOf(running)
    await settleQueue()
    clock.advance(1500)
    expect(await refused).toMatchObject({ code: 'PROMISE_TIMED_OUT' })
    expect(bridge.info().pending).toBe(0)
  })

  it('gives a later caller the time that the first one gave', async () => {
    const clock = createFakeClock()
    const store = sharedView(createMemoryStore({ clock }))
    const one = openBridge({ store }, clock).bridge
    const two = openBridge({ store }, clock).bridge
    const { send } = sending()
    const first = one.execute({ key: 'a', fingerprint: 'f', timeoutMs: 10_000, send }).catch(() => {})
    await settleQueue()
    const hasten = two.execute({ key: 'a', fingerprint: 'f', timeoutMs: 10, send })
    const refused = failureOf(hasten)
    await settleQueue()
    clock.advance(5000)
    await settleQueue()
    expect(two.info().pending).toBe(1)
    clock.advance(5000)
    expect(await refused).toMatchObject({ details: { timeoutMs: 10_000 } })
    await first
  })
})

describe('a store that is away for a while', () => {
  it('is tried again, with pauses, and counted', async () => {
    const { bridge, store, clock } = openBridge()
    store.fail('create', 1)
    store.fail('settle', 2)
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send: async () => bridged(1) })
    for (let turn = 0; turn < 4; turn++) {
      await settleQueue()
      clock.advance(40)
    }
    expect((await running).outcome.value).toBe(1)
    expect(bridge.info().counters).toMatchObject({ storeRetries: 3, created: 1, sent: 1 })
  })

  it('gives the outcome to the caller when it cannot be saved', async () => {
    const { bridge, store, clock } = openBridge({ storeRetryMs: 100 })
    store.fail('settle', Infinity)
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send: async () => bridged('precious') })
    const refused = failureOf(running)
    for (let turn = 0; turn < 10; turn++) {
      await settleQueue()
      clock.advance(50)
    }
    expect(await refused).toMatchObject({
      code: 'OUTCOME_NOT_SAVED',
      details: { value: bridged('precious') },
      cause: { code: 'STORE_UNAVAILABLE' },
    })
  })
})

describe('giving up', () => {
  it('leaves when the last who waits aborts: what was sent stops, the record stays', async () => {
    const { bridge, store } = openBridge()
    const { send, done, signals } = sending()
    const [one, two] = [new AbortController(), new AbortController()]
    const first = bridge.execute({ key: 'a', fingerprint: 'f', send }, { signal: one.signal })
    const second = bridge.execute({ key: 'a', fingerprint: 'f', send }, { signal: two.signal })
    await settleQueue()
    one.abort()
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(signals[0]?.aborted).toBe(false)
    two.abort()
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(signals[0]?.aborted).toBe(true)
    done.reject(new Error('stopped'))
    await settleQueue()
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'pending' })
    expect(bridge.info()).toMatchObject({ pending: 0, counters: { left: 1, rejected: 0 } })
  })

  it('records an outcome that came all the same', async () => {
    const { bridge, store } = openBridge()
    const { send, done } = sending()
    const stop = new AbortController()
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send }, { signal: stop.signal })
    await settleQueue()
    stop.abort()
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    done.resolve(bridged(1))
    await settleQueue()
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'resolved' })
  })
})

describe('lifecycle', () => {
  it('refuses more than maxPending, and takes more again when some have settled', async () => {
    const { bridge } = openBridge({ maxPending: 2 })
    const { send, done } = sending()
    const running = ['a', 'b'].map((key) => bridge.execute({ key, fingerprint: 'f', send }))
    await expect(bridge.execute({ key: 'c', fingerprint: 'f', send })).rejects.toMatchObject({
      code: 'BRIDGE_OVERLOADED',
      details: { pending: 2, maxPending: 2 },
    })
    // who joins makes nothing pending
    const joined = bridge.execute({ key: 'a', fingerprint: 'f', send })
    done.resolve(bridged(1))
    await Promise.all([...running, joined])
    await bridge.execute({ key: 'c', fingerprint: 'f', send })
    expect(bridge.info()).toMatchObject({ pending: 0, pendingHighWater: 2, counters: { overloaded: 1 } })
  })

  it('drains what settles in time, refuses new work meanwhile, and leaves the rest as it is in the store', async () => {
    const { bridge, store, clock } = openBridge({ store: timelessStore() })
    const [quick, slow] = [sending(), sending()]
    const first = bridge.execute({ key: 'quick', fingerprint: 'f', send: quick.send })
    const second = bridge.execute({ key: 'slow', fingerprint: 'f', send: slow.send })
    const refused = failureOf(second)
    await settleQueue()
    slow.signals[0]?.addEventListener('abort', () => slow.done.reject(new Error('stopped')))
    const closed = bridge.close({ reason: 'the end', drainMs: 1000 })
    expect(bridge.info().state).toBe('closing')
    await expect(bridge.execute({ key: 'new', fingerprint: 'f', send: slow.send })).rejects.toMatchObject({
      code: 'BRIDGE_CLOSED',
    })
    quick.done.resolve(bridged(1))
    expect((await first).outcome.value).toBe(1)
    clock.advance(1000)
    await waitFor(closed)
    expect(await refused).toMatchObject({ code: 'BRIDGE_CLOSED', details: { reason: 'the end' } })
    expect(bridge.info()).toMatchObject({ state: 'closed', pending: 0, retained: 0 })
    expect(await store.get('capsule-exec-slow')).toMatchObject({ state: 'pending' })
    expect(bridge.close()).toBe(bridge.close({ reason: 'again' }))
    expect(clock.pendingTimers).toBe(0)
  })

  it('cancels all that is pending and records that', async () => {
    const { bridge, store, clock } = openBridge({ store: timelessStore() })
    const { send, signals } = sending()
    const running = ['a', 'b'].map((key) => bridge.execute({ key, fingerprint: 'f', send }))
    const asked = bridge.ask({ key: 'a', n: 1, prompt: 'p' })
    const refused = [...running, asked].map((each) =>
      expect(each).rejects.toMatchObject({ code: 'PROMISE_CANCELLED', details: { reason: 'stop' } }),
    )
    await settleQueue()
    await bridge.cancelAll({ reason: 'stop' })
    await Promise.all(refused)
    await bridge.cancelAll()
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
    expect(await store.get('capsule-exec-b')).toMatchObject({ state: 'canceled' })
    expect(bridge.info()).toMatchObject({ pending: 0, counters: { cancelled: 3 } })
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves no timer behind', async () => {
    const { bridge, clock } = openBridge({ store: timelessStore() })
    for (let n = 0; n < 50; n++) await bridge.execute({ key: `k${n}`, fingerprint: 'f', send: async () => bridged(n) })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('questions', () => {
  it('takes the first answer, whoever gives it, and tells a later one what is recorded', async () => {
    const { bridge } = openBridge()
    const asks: AbortSignal[] = []
    const ask = (signal: AbortSignal): Promise<string> => {
      asks.push(signal)
      return new Promise(() => {})
    }
    const asked = bridge.ask({ key: 'a', n: 1, prompt: 'Name?', ask })
    await settleQueue()
    expect(await bridge.answerInput('a', 1, 'Ada')).toEqual({ applied: true, answer: 'Ada' })
    expect(await asked).toBe('Ada')
    expect(asks[0]?.aborted).toBe(true)
    expect(await bridge.answerInput('a', 1, 'Eve')).toEqual({ applied: false, answer: 'Ada' })
    await expect(bridge.answerInput('a', 2, 'x')).rejects.toMatchObject({ code: 'INPUT_NOT_ASKED' })
  })

  it('is not asked again when it is answered, and is when it is not and who asked is gone', async () => {
    const { bridge, store, clock } = openBridge()
    expect(await bridge.ask({ key: 'a', n: 1, prompt: 'p', ask: async () => 'first' })).toBe('first')
    const left = bridge.ask({ key: 'a', n: 2, prompt: 'q', ask: () => new Promise(() => {}) }).catch(() => {})
    await settleQueue()
    void bridge.close()
    await left
    const later = openBridge({ store }, clock).bridge
    const ask = vi.fn<() => Promise<string>>(async () => 'second')
    expect(await later.ask({ key: 'a', n: 1, prompt: 'p', ask, takeOver: true })).toBe('first')
    expect(ask).not.toHaveBeenCalled()
    expect(await later.ask({ key: 'a', n: 2, prompt: 'q', ask, takeOver: true })).toBe('second')
    await expect(later.ask({ key: 'a', n: 1, prompt: 'other', ask, takeOver: true })).rejects.toMatchObject({
      code: 'REPLAY_DIVERGED',
      details: { n: 1, recorded: 'p', asked: 'other' },
    })
    expect(later.info().counters.replayedInputs).toBe(1)
  })
})

describe('capability calls', () => {
  const call = { key: 'a', callKey: 'pay 7 €', capability: 'bank.pay', args: new Uint8Array([1]) }
  const paid = { kind: 'value', value: new Uint8Array([7]) } as const

  it('makes one once, also with a key of any characters, and refuses another call under it', async () => {
    const { bridge, store, clock } = openBridge()
    const send = vi.fn<() => Promise<typeof paid>>(async () => paid)
    expect(await bridge.call({ ...call, send })).toEqual(paid)
    const later = openBridge({ store }, clock).bridge
    expect(await later.call({ ...call, send, takeOver: true })).toEqual(paid)
    expect(send).toHaveBeenCalledTimes(1)
    await expect(later.call({ ...call, args: new Uint8Array([2]), send })).rejects.toMatchObject({
      code: 'CALL_CONFLICT',
    })
    expect(later.info().counters.replayedCalls).toBe(1)
  })
})
