import assert from 'node:assert/strict'
import type { SettleDurablePromise } from '../durable-promise-store.ts'
import { farMs, startWait, type StoreCheckDefinition } from './store-bench.ts'

const states = ['resolved', 'rejected', 'canceled'] as const

export const settleChecks: readonly StoreCheckDefinition[] = [
  {
    name: 'settles to each state, with and without a value',
    async run({ open }) {
      const store = await open()
      for (const state of states) {
        const { record: pending } = await store.create({
          id: state,
          timeoutAtMs: farMs(),
          param: 'p',
          tags: { t: '1' },
        })
        const { record, applied } = await store.settle({ id: state, state, value: `v-${state}` })
        assert.equal(applied, true)
        const { settledAtMs, ...rest } = record
        assert.deepEqual(rest, { ...pending, state, value: `v-${state}` })
        assert.ok(settledAtMs !== undefined && settledAtMs >= pending.createdAtMs, 'it has a time')
        assert.deepEqual(await store.get(state), record)
        await store.create({ id: `bare-${state}`, timeoutAtMs: farMs() })
        const bare = await store.settle({ id: `bare-${state}`, state })
        assert.equal(Object.hasOwn(bare.record, 'value'), false, 'no value was given')
        assert.deepEqual(await store.get(`bare-${state}`), bare.record)
      }
    },
  },
  {
    name: 'is settled by exactly one of many at once, and gives the same record to all',
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'raced', timeoutAtMs: farMs() })
      const settlements = Array.from({ length: 30 }, (_, index): SettleDurablePromise => {
        return { id: 'raced', state: states[index % 3]!, value: `value ${index % 5}` }
      })
      const results = await settles(Promise.all(settlements.map((each) => store.settle(each))), 'settle()')
      const appliers = results.flatMap(({ applied }, index) => (applied ? [index] : []))
      assert.equal(appliers.length, 1, `${appliers.length} calls were told that they settled it`)
      const kept = await store.get('raced')
      const { state, value } = settlements[appliers[0]!]!
      assert.deepEqual([kept?.state, kept?.value], [state, value], 'what is kept is what the one settler gave')
      for (const { record } of results) assert.deepEqual(record, kept)
    },
  },
  {
    name: 'keeps the first settlement, whatever comes later, and says who made it',
    async run({ open }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const first = await store.settle({ id: 'a', state: 'rejected', value: 'first' })
      assert.equal(first.applied, true)
      for (const state of states) {
        const later = await store.settle({ id: 'a', state, value: 'later' })
        assert.deepEqual(later, { record: first.record, applied: false })
      }
      const same = await store.settle({ id: 'a', state: 'rejected', value: 'first' })
      assert.equal(same.applied, false, 'the same settlement again is another one')
      assert.deepEqual(await store.get('a'), first.record)
    },
  },
  {
    name: 'leaves other promises alone',
    async run({ open }) {
      const store = await open()
      const ids = ['a', 'b', 'a.b', 'A']
      for (const id of ids) await store.create({ id, timeoutAtMs: farMs() })
      await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      const found = await Promise.all(ids.map(async (id) => (await store.get(id))?.state))
      assert.deepEqual(found, ['resolved', 'pending', 'pending', 'pending'])
    },
  },
  {
    name: 'does nothing when the signal has fired',
    async run({ open, rejects }) {
      const store = await open()
      await store.create({ id: 'kept', timeoutAtMs: farMs() })
      const aborted = { signal: AbortSignal.abort(new Error('no longer')) }
      await rejects(store.create({ id: 'b', timeoutAtMs: farMs() }, aborted), 'CANCELLED', 'create()')
      await rejects(store.settle({ id: 'kept', state: 'resolved' }, aborted), 'CANCELLED', 'settle()')
      await rejects(store.get('kept', aborted), 'CANCELLED', 'get()')
      await rejects(startWait(store, 'kept', aborted), 'CANCELLED', 'wait()')
      assert.equal((await store.get('kept'))?.state, 'pending')
      assert.equal(await store.get('b'), undefined)
    },
  },
  {
    name: 'ends calls whose signal fires meanwhile, and tells the truth to the next ones',
    async run({ open, settles, rejects }) {
      const store = await open()
      for (let round = 0; round < 10; round += 1) {
        const id = `p-${round}`
        const controller = new AbortController()
        const creating = store.create({ id, timeoutAtMs: farMs(), param: 'first' }, { signal: controller.signal })
        controller.abort()
        const outcome = await settles(Promise.allSettled([creating]), 'a create() that was aborted')
        if (outcome[0].status === 'rejected') await rejects(creating, 'CANCELLED', 'create()')
        const second = await store.create({ id, timeoutAtMs: farMs(), param: 'second' })
        assert.equal(second.record.param, second.created ? 'second' : 'first')
        const other = new AbortController()
        const settling = store.settle({ id, state: 'resolved', value: 'first' }, { signal: other.signal })
        other.abort()
        const [settled] = await settles(Promise.allSettled([settling]), 'a settle() that was aborted')
        if (settled.status === 'rejected') await rejects(settling, 'CANCELLED', 'settle()')
        const { record, applied } = await store.settle({ id, state: 'resolved', value: 'second' })
        assert.equal(record.value, applied ? 'second' : 'first')
        assert.deepEqual(await store.get(id), record)
      }
    },
  },
]
