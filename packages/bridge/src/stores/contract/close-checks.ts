import assert from 'node:assert/strict'
import type { DurablePromiseStoreContractOptions } from './store-contract.ts'
import type { StoreCheckDefinition } from './store-bench.ts'
import { farMs, rejects } from './store-bench.ts'

export function closeChecks({
  capabilities,
  hasRetention,
}: DurablePromiseStoreContractOptions): StoreCheckDefinition[] {
  return [
    {
      name: 'says what it can do',
      async run({ open }) {
        assert.deepEqual({ ...(await open()).capabilities }, { ...capabilities })
      },
    },
    {
      name: 'rejects what waits when it is closed, and every call afterwards',
      async run({ open, settles }) {
        const store = await open()
        for (const id of ['a', 'b']) await store.create({ id, timeoutAtMs: farMs() })
        const waits = [store.wait('a'), store.wait('a'), store.wait('b')]
        for (const waiting of waits) waiting.catch(() => {})
        await store.get('a')
        await settles(store.close(), 'close()')
        for (const waiting of waits) await rejects(waiting, 'STORE_CLOSED', 'a wait that was pending')
        await rejects(store.create({ id: 'c', timeoutAtMs: farMs() }), 'STORE_CLOSED', 'create()')
        await rejects(store.settle({ id: 'a', state: 'resolved' }), 'STORE_CLOSED', 'settle()')
        await rejects(store.get('a'), 'STORE_CLOSED', 'get()')
        await rejects(store.wait('a'), 'STORE_CLOSED', 'wait()')
      },
    },
    {
      name: 'leaves no call pending when it is closed under it',
      async run({ open, settles }) {
        const store = await open()
        await store.create({ id: 'a', timeoutAtMs: farMs() })
        const calls = Array.from({ length: 10 }, (_, index): Promise<unknown>[] => [
          store.create({ id: `b-${index}`, timeoutAtMs: farMs() }),
          store.settle({ id: 'a', state: 'resolved' }),
          store.get('a'),
          store.wait('a'),
        ]).flat()
        const outcomes = Promise.allSettled(calls)
        await settles(store.close(), 'close()')
        for (const outcome of await settles(outcomes, 'the calls'))
          if (outcome.status === 'rejected') assert.equal((outcome.reason as { code?: string }).code, 'STORE_CLOSED')
      },
    },
    {
      name: 'closes any number of times',
      async run({ open, settles }) {
        const store = await open()
        await settles(Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()]), 'close()')
        await settles(store.close(), 'close()')
      },
    },
    {
      name: 'keeps no more settled promises than its retention says, and every pending one',
      skipped: hasRetention === false ? 'it has no retention' : undefined,
      async run({ open }) {
        const store = await open({ retention: { maxSettled: 3 } })
        for (let index = 0; index < 20; index += 1) {
          await store.create({ id: `pending-${index}`, timeoutAtMs: farMs() })
          await store.create({ id: `settled-${index}`, timeoutAtMs: farMs() })
          await store.settle({ id: `settled-${index}`, state: 'resolved', value: 'v' })
        }
        const found = async (kind: string): Promise<(number | undefined)[]> => {
          const all = Array.from({ length: 20 }, async (_, index) => (await store.get(`${kind}-${index}`)) && index)
          return (await Promise.all(all)).filter((index) => index !== undefined)
        }
        assert.deepEqual(await found('settled'), [17, 18, 19])
        assert.equal((await found('pending')).length, 20)
        const again = await store.create({ id: 'settled-0', timeoutAtMs: farMs() })
        assert.deepEqual([again.created, again.record.state], [true, 'pending'])
      },
    },
  ]
}
