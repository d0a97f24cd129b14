import { createFakeClock, type FakeClock, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { bridgeErrors } from '../errors.ts'
import type { DurableRecord } from './durable-promise-store.ts'
import { StoreWaits } from './store-waits.ts'

/** What a registration asks for, and how the test answers. */
interface Asked extends PromiseWithResolvers<DurableRecord> {
  readonly id: string
}

function setUp({ clock = createFakeClock(), rewaitMs = 15_000 }: { clock?: FakeClock; rewaitMs?: number } = {}) {
  const asked: Asked[] = []
  const register = (id: string): Promise<DurableRecord> => {
    const answer = { id, ...Promise.withResolvers<DurableRecord>() }
    asked.push(answer)
    return answer.promise
  }
  const record = (id: string, state: DurableRecord['state'], leftMs = 1e9): DurableRecord => {
    const nowMs = clock.wallTimeMs()
    return { id, state, tags: {}, createdAtMs: nowMs, timeoutAtMs: nowMs + leftMs }
  }
  const waits = new StoreWaits({ clock, rewaitMs, register })
  return { clock, waits, asked, record }
}

/** All that follows from what was answered. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `p-${index}`)

it('loses no message that comes while as many are asked for as may be at a time', async () => {
  const { waits, asked, record } = setUp()
  const waiting = idsOf(32).map((id) => waits.add(id, {}))
  expect(asked).toHaveLength(32)
  // what is on its way was read before
  waits.register('p-0')
  for (const { id, resolve } of asked.slice(0, 32)) resolve(record(id, 'pending'))
  await settle()
  expect(asked.slice(32).map(({ id }) => id)).toEqual(['p-0'])
  asked[32]!.resolve(record('p-0', 'resolved'))
  expect((await waitFor(waiting[0]!)).state).toBe('resolved')
})

it('asks again for all after a gap, also for those whose answers were on their way', async () => {
  const { waits, asked, record } = setUp()
  for (const id of idsOf(50)) void waits.add(id, {})
  waits.registerAll()
  const before = asked.length
  for (let next = 0; next < asked.length && next < 200; next += 1) {
    asked[next]!.resolve(record(asked[next]!.id, 'pending'))
    await settle()
  }
  expect(new Set(asked.slice(before).map(({ id }) => id)).size).toBe(50)
})

it('takes no answer that is older than a wait for one to it', async () => {
  const { waits, asked, record } = setUp()
  const early = waits.add('a', {})
  // created meanwhile
  const late = waits.add('a', {})
  asked[0]!.reject(bridgeErrors.PROMISE_NOT_FOUND({ id: 'a' }))
  await settle()
  expect(asked).toHaveLength(2)
  asked[1]!.resolve(record('a', 'resolved'))
  expect((await waitFor(late)).state).toBe('resolved')
  expect((await waitFor(early)).state).toBe('resolved')
})

it('tells who waits again nothing that an earlier wait had asked', async () => {
  const { waits, asked, record } = setUp()
  const controller = new AbortController()
  const first = waits.add('a', { signal: controller.signal })
  controller.abort()
  await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
  const second = waits.add('a', {})
  asked[0]!.reject(bridgeErrors.PROMISE_NOT_FOUND({ id: 'a' }))
  await settle()
  for (const { id, resolve } of asked.slice(1)) resolve(record(id, 'resolved'))
  expect((await waitFor(second)).state).toBe('resolved')
})

it('says that there is no promise to all who waited before it was asked', async () => {
  const { waits, asked } = setUp()
  const waiting = waits.add('a', {})
  asked[0]!.reject(bridgeErrors.PROMISE_NOT_FOUND({ id: 'a' }))
  await expect(waitFor(waiting)).rejects.toMatchObject({ code: 'PROMISE_NOT_FOUND' })
  expect(asked).toHaveLength(1)
})

/** How many registrations there are within so many milliseconds, each answered at once. */
async function countFor(
  { clock, asked }: ReturnType<typeof setUp>,
  durationMs: number,
  answer: (each: Asked) => void,
): Promise<number> {
  let answered = 0
  const answerAll = async (): Promise<void> => {
    for (; answered < asked.length; answered += 1) {
      answer(asked[answered]!)
      if (answered % 32 === 0) await settle()
    }
    await settle()
  }
  await answerAll()
  const before = answered
  for (let passedMs = 0; passedMs < durationMs; passedMs += 50) {
    clock.advance(50)
    await answerAll()
  }
  return answered - before
}

it('asks a server that is down no faster for many waits than for a few', async () => {
  const all = setUp({ rewaitMs: 1000 })
  for (const id of idsOf(1000)) void all.waits.add(id, {})
  const down = bridgeErrors.STORE_UNAVAILABLE({ store: 's', action: 'wait', reason: 'down' })
  // 50 a second
  expect(await countFor(all, 10_000, ({ reject }) => reject(down))).toBeLessThan(700)
})

it('asks a server whose clock is behind ever less often', async () => {
  const all = setUp()
  for (const id of idsOf(10)) void all.waits.add(id, {})
  const late = ({ id, resolve }: Asked): void => resolve({ ...all.record(id, 'pending'), timeoutAtMs: startMs })
  const startMs = all.clock.wallTimeMs()
  // after 100 ms, 200, 400, and so on
  expect(await countFor(all, 10_000, late)).toBeLessThan(100)
})
