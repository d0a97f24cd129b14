import { type BridgedOutcome, createMemoryStore } from '@capsule/bridge'
import { withAbort } from '@capsule/core'
import { encodeValue } from '@capsule/protocol'
import { createFakeClock, waitFor } from '@capsule/testing'
import { describe, expect, it, vi } from 'vitest'
import { bridged, openBridge, sending } from './bridge-tools.ts'
import { failureOf, settleQueue, sharedView } from './store-wrappers.ts'

/** One host runs `a`; the other asks the same store for it, which holds back the answer. */
async function withHeldCreate({ storeGraceMs }: { storeGraceMs: number }) {
  const clock = createFakeClock()
  const memory = sharedView(createMemoryStore({ clock }))
  const one = openBridge({ store: memory }, clock).bridge
  const first = sending()
  const running = one.execute({ key: 'a', fingerprint: 'f', timeoutMs: 100_000, send: first.send })
  await settleQueue()
  const { bridge: two, store } = openBridge({ store: memory, storeGraceMs }, clock)
  const answer = store.hold('create')
  return { clock, first, running, two, store, answer }
}

describe('a store that answers late, or not', () => {
  it('sends what it has made although the answer to its creation was lost', async () => {
    const { bridge, store, clock } = openBridge()
    store.fail('create', 1, true)
    const running = bridge.execute({ key: 'a', fingerprint: 'f', send: async () => bridged(1) })
    await settleQueue()
    clock.advance(50)
    expect((await waitFor(running)).outcome.value).toBe(1)
    expect(bridge.info().counters).toMatchObject({ created: 1, joined: 0, sent: 1 })
  })

  it('does not end the promise of another host when its own time is over before the store has answered', async () => {
    const { clock, first, running, two, store, answer } = await withHeldCreate({ storeGraceMs: 5000 })
    const joined = two.execute({ key: 'a', fingerprint: 'f', timeoutMs: 1000, send: first.send })
    await settleQueue()
    clock.advance(2000)
    await settleQueue()
    answer()
    await settleQueue()
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'pending' })
    first.done.resolve(bridged(1))
    expect((await waitFor(running)).outcome.value).toBe(1)
    expect((await waitFor(joined)).outcome.value).toBe(1)
  })

  it('neither when the store answers after those who wait were told', async () => {
    const { clock, first, running, two, store, answer } = await withHeldCreate({ storeGraceMs: 500 })
    const refused = failureOf(two.execute({ key: 'a', fingerprint: 'f', timeoutMs: 1000, send: first.send }))
    await settleQueue()
    clock.advance(2000)
    expect(await refused).toMatchObject({ code: 'PROMISE_TIMED_OUT' })
    answer()
    await settleQueue()
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'pending' })
    first.done.resolve(bridged(1))
    await waitFor(running)
  })

  it('sends nothing when its time is over before the store has answered', async () => {
    const { bridge, store, clock } = openBridge()
    const answer = store.hold('create')
    const send = vi.fn<() => Promise<BridgedOutcome>>(async () => bridged(1))
    const refused = failureOf(bridge.execute({ key: 'a', fingerprint: 'f', timeoutMs: 1000, send }))
    await settleQueue()
    clock.advance(1500)
    answer()
    expect(await waitFor(refused)).toMatchObject({ code: 'PROMISE_TIMED_OUT', details: { timeoutMs: 1000 } })
    expect(send).not.toHaveBeenCalled()
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'rejected' })
    expect(bridge.info()).toMatchObject({ pending: 0, counters: { timedOut: 1, sent: 0 } })
  })

  it('takes a time limit that is no whole number of milliseconds', async () => {
    const { bridge } = openBridge()
    const send = async (): Promise<BridgedOutcome> => bridged(1)
    expect(await bridge.execute({ key: 'a', fingerprint: 'f', timeoutMs: 10.5, send })).toEqual(bridged(1))
  })
})

describe('records that others wrote', () => {
  const envelope = (data: string): string => JSON.stringify({ format: 'capsule-1', data })
  const param = JSON.stringify({ fingerprint: 'f' })
  const send = (): never => {
    throw new Error('never')
  }

  it.each([
    ['text', 'resolved', 'x'],
    ['nothing', 'resolved', undefined],
    ['an envelope of rubbish', 'resolved', envelope('####')],
    ['null', 'resolved', envelope('wA==')],
    ['a number', 'resolved', envelope('BQ==')],
    ['a rejection of rubbish', 'rejected', envelope('wQ==')],
  ] as const)('are told as RECORD_MALFORMED: %s', async (_what, state, value) => {
    const { bridge, store, clock } = openBridge()
    await store.create({ id: 'capsule-exec-a', timeoutAtMs: clock.wallTimeMs() + 1e6, param })
    await store.settle({ id: 'capsule-exec-a', state, ...(value !== undefined && { value }) })
    const refused = await failureOf(bridge.execute({ key: 'a', fingerprint: 'f', send }))
    expect(refused).toMatchObject({ code: 'RECORD_MALFORMED', details: { id: 'capsule-exec-a' } })
    expect(bridge.info().pending).toBe(0)
  })

  it('are rejections of an unknown kind when their details are not those of their code', async () => {
    const { bridge, store, clock } = openBridge()
    const recorded = encodeValue({ code: 'KEY_INVALID', message: 'mine', details: {} }, { bytes: 1000, depth: 10 })
    await store.create({ id: 'capsule-exec-a', timeoutAtMs: clock.wallTimeMs() + 1e6, param })
    const value = envelope(Buffer.from(recorded?.bytes ?? []).toString('base64'))
    await store.settle({ id: 'capsule-exec-a', state: 'rejected', value })
    const refused = await failureOf(bridge.execute({ key: 'a', fingerprint: 'f', send }))
    expect(refused).toMatchObject({ code: 'SEND_FAILED', details: { reason: 'mine' } })
  })

  it('are no answer to a question either', async () => {
    const { bridge, store, clock } = openBridge()
    const id = 'capsule-exec-a:input.1'
    await store.create({ id, timeoutAtMs: clock.wallTimeMs() + 1e6, param: JSON.stringify({ prompt: 'p' }) })
    await store.settle({ id, state: 'resolved', value: envelope('BQ==') })
    const malformed = { code: 'RECORD_MALFORMED' }
    await expect(bridge.ask({ key: 'a', n: 1, prompt: 'p' })).rejects.toMatchObject(malformed)
    await expect(bridge.answerInput('a', 1, 'yes')).rejects.toMatchObject(malformed)
  })
})

describe('what is told', () => {
  it('is a value of its own for each caller: what one does to it is not told to others', async () => {
    const { bridge } = openBridge()
    const { send, done } = sending()
    const run = async (): Promise<number[]> =>
      (await bridge.execute({ key: 'a', fingerprint: 'f', send })).outcome.value as number[]
    const both = [run(), run()]
    await settleQueue()
    done.resolve(bridged([3, 1, 2]))
    const [first, second] = (await Promise.all(both)) as [number[], number[]]
    first.sort((a, b) => a - b)
    expect(second).toEqual([3, 1, 2])
    second.push(9)
    expect(await run()).toEqual([3, 1, 2])
  })

  it('is EXECUTION_CONFLICT for the one that is wrong, not for the one that came second', async () => {
    const { bridge, store, clock } = openBridge()
    const send = async (): Promise<BridgedOutcome> => bridged(1)
    await bridge.execute({ key: 'a', fingerprint: 'right', send })
    const later = openBridge({ store }, clock)
    const answer = later.store.hold('create')
    const wrong = failureOf(later.bridge.execute({ key: 'a', fingerprint: 'wrong', send }))
    const right = later.bridge.execute({ key: 'a', fingerprint: 'right', send })
    await settleQueue()
    answer()
    expect(await wrong).toMatchObject({ code: 'EXECUTION_CONFLICT' })
    expect(await waitFor(right)).toEqual(bridged(1))
  })

  it('does not depend on callbacks that throw', async () => {
    const { bridge } = openBridge()
    const onSettled = (): never => {
      throw new Error('mine')
    }
    const execution = { key: 'a', fingerprint: 'f', send: async () => bridged(1), onSettled, onEnded: onSettled }
    expect(await waitFor(bridge.execute(execution))).toEqual(bridged(1))
    expect(bridge.info().pending).toBe(0)
  })

  it('is of the call with that very key, also when keys differ in what is no text only', async () => {
    const { bridge } = openBridge()
    const answers = ['\uD800', '\uD801'].map((callKey, at) => {
      const send = async () => ({ kind: 'value', value: new Uint8Array([at]) }) as const
      return bridge.call({ key: 'a', callKey, capability: 'c', args: new Uint8Array(), send })
    })
    expect((await Promise.all(answers)).map((answer) => answer.kind === 'value' && answer.value[0])).toEqual([0, 1])
  })
})

describe('failures of what was sent', () => {
  it('are recorded also when they have much to say', async () => {
    const { bridge, store, clock } = openBridge({ maxValueBytes: 20_000 })
    const send = (): Promise<never> => Promise.reject(new Error('no'.repeat(1e6)))
    const failed = { code: 'SEND_FAILED' }
    await expect(bridge.execute({ key: 'a', fingerprint: 'f', send })).rejects.toMatchObject(failed)
    const later = openBridge({ store }, clock).bridge
    await expect(later.execute({ key: 'a', fingerprint: 'f', send })).rejects.toMatchObject(failed)
  })
})

describe('keys that are no text', () => {
  it.each([undefined, null, 5, {}])('are refused: %s', async (key) => {
    const { bridge } = openBridge()
    const invalid = { code: 'KEY_INVALID' }
    const send = async (): Promise<BridgedOutcome> => bridged(1)
    await expect(bridge.execute({ key: key as never, fingerprint: 'f', send })).rejects.toMatchObject(invalid)
    await expect(bridge.cancel(key as never)).rejects.toMatchObject(invalid)
    await expect(bridge.answerInput(key as never, 1, 'yes')).rejects.toMatchObject(invalid)
  })
})

describe('answers that are none', () => {
  it.each([undefined, 5, {}])('are refused before they are recorded: %s', async (given) => {
    const { bridge, store } = openBridge()
    const invalid = { code: 'INVALID_OPTIONS' }
    const question = { key: 'a', n: 1, prompt: 'p' }
    await expect(bridge.ask({ ...question, ask: async () => given as never })).rejects.toMatchObject(invalid)
    await expect(bridge.answerInput('a', 1, given as never)).rejects.toMatchObject(invalid)
    expect(await store.get('capsule-exec-a:input.1')).toMatchObject({ state: 'pending' })
    expect(await bridge.ask({ ...question, ask: async () => 'yes', takeOver: true })).toBe('yes')
  })
})

describe('the end', () => {
  it('takes nothing new from what is being stopped', async () => {
    const { bridge } = openBridge()
    const late = Promise.withResolvers<unknown>()
    const send = async (signal: AbortSignal): Promise<BridgedOutcome> => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await failureOf(bridge.ask({ key: 'a', n: 1, prompt: 'p' })).then(late.resolve)
      throw new Error('stopped')
    }
    const running = failureOf(bridge.execute({ key: 'a', fingerprint: 'f', send }))
    await settleQueue()
    await waitFor(bridge.close())
    expect(await running).toMatchObject({ code: 'BRIDGE_CLOSED' })
    expect(await waitFor(late.promise)).toMatchObject({ code: 'BRIDGE_CLOSED' })
    expect(bridge.info().pending).toBe(0)
  })

  it('takes nothing new from what hears of it while it begins', async () => {
    const { bridge } = openBridge()
    const other = vi.fn<() => Promise<BridgedOutcome>>(() => new Promise(() => {}))
    let refused: Promise<unknown> | undefined
    const send = (signal: AbortSignal): Promise<BridgedOutcome> => {
      signal.addEventListener('abort', () => {
        refused = failureOf(bridge.execute({ key: 'b', fingerprint: 'f', send: other }))
      })
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
    }
    bridge.execute({ key: 'a', fingerprint: 'f', send }).catch(() => {})
    await settleQueue()
    await waitFor(bridge.close())
    expect(await waitFor(refused as Promise<unknown>)).toMatchObject({ code: 'BRIDGE_CLOSED' })
    expect(other).not.toHaveBeenCalled()
    expect(bridge.info().pending).toBe(0)
  })

  it('is told to those who wait for what was left to stop, and never does', async () => {
    const { bridge, clock } = openBridge({ storeGraceMs: 500 })
    const { send } = sending()
    const stop = new AbortController()
    const left = failureOf(bridge.execute({ key: 'a', fingerprint: 'f', send }, { signal: stop.signal }))
    await settleQueue()
    stop.abort()
    await left
    const again = failureOf(bridge.execute({ key: 'a', fingerprint: 'f', send }))
    await settleQueue()
    const closed = bridge.close()
    expect(await waitFor(again)).toMatchObject({ code: 'BRIDGE_CLOSED' })
    clock.advance(500)
    await waitFor(closed)
  })

  it('comes at once when all that it waits for is cancelled', async () => {
    const { bridge, store } = openBridge()
    const { send } = sending()
    const refused = failureOf(
      bridge.execute({ key: 'a', fingerprint: 'f', send: (signal) => withAbort(send(signal), signal, 'it') }),
    )
    await settleQueue()
    const closed = bridge.close({ drainMs: 1e6 })
    await bridge.cancelAll({ reason: 'enough' })
    await waitFor(closed)
    expect(await refused).toMatchObject({ code: 'PROMISE_CANCELLED', details: { reason: 'enough' } })
    expect(await store.get('capsule-exec-a')).toMatchObject({ state: 'canceled' })
    await bridge.cancelAll()
  })

  it('and cancellations refuse options that are none', async () => {
    const { bridge } = openBridge()
    const invalid = { code: 'INVALID_OPTIONS' }
    await expect(bridge.cancel('a', { why: 'x' } as never)).rejects.toMatchObject(invalid)
    await expect(bridge.cancelAll({ reason: 5 } as never)).rejects.toMatchObject(invalid)
    await expect(bridge.close({ drainMs: Number.NaN })).rejects.toMatchObject(invalid)
    expect(bridge.info().state).toBe('open')
    await bridge.close({ drainMs: Infinity })
    expect(bridge.info().state).toBe('closed')
  })
})
