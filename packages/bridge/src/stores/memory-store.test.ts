import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { describeDurablePromiseStoreContract } from './contract/describe-durable-promise-store-contract.ts'
import { createMemoryStore } from './memory-store.ts'

describeDurablePromiseStoreContract({
  name: 'memory',
  capabilities: { name: 'memory', persistent: false, shared: false, enforcesTimeouts: false },
  open: async (wishes = {}) => createMemoryStore(wishes),
})

it('times out on its clock, with one timer', async () => {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const startMs = clock.wallTimeMs()
  for (const delayMs of [500, 100, 300]) await store.create({ id: `p${delayMs}`, timeoutAtMs: startMs + delayMs })
  const waiting = store.wait('p300')
  expect(clock.pendingTimers).toBe(1)
  clock.advance(299)
  expect((await store.get('p100'))?.state).toBe('timedout')
  expect((await store.get('p300'))?.state).toBe('pending')
  clock.advance(1)
  expect(await waiting).toMatchObject({ state: 'timedout', settledAtMs: startMs + 300 })
  await store.close()
  expect(clock.pendingTimers).toBe(0)
})

it('removes what was settled long ago, also while nobody calls', async () => {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock, retention: { settledMs: 1000 } })
  const timeoutAtMs = clock.wallTimeMs() + 1e6
  for (const id of ['a', 'b']) await store.create({ id, timeoutAtMs })
  await store.settle({ id: 'a', state: 'resolved' })
  clock.advance(1099)
  expect(await store.get('a')).toBeDefined()
  clock.advance(1)
  expect(await store.get('a')).toBeUndefined()
  expect((await store.get('b'))?.state).toBe('pending')
  await store.close()
})

it.each([{ maxSetled: 1 }, { settledMs: Infinity }, { settledMs: Number.MAX_VALUE }, { maxSettled: -1 }])(
  'refuses the retention %j',
  (retention) => {
    expect(() => createMemoryStore({ retention })).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  },
)
