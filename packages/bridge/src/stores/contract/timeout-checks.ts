import assert from 'node:assert/strict'
import { farMs, startWait, type StoreCheckDefinition } from './store-bench.ts'

// unit: milliseconds; long enough to do something before, on a slow machine
const soonMs = 300

export const timeoutChecks: readonly StoreCheckDefinition[] = [
  {
    name: 'times out what is pending at its time, and tells those who wait',
    async run({ open, settles }) {
      const store = await open()
      const timeoutAtMs = Date.now() + soonMs
      const { record: pending } = await store.create({ id: 'a', timeoutAtMs, param: 'p' })
      const record = await settles(startWait(store, 'a'), 'wait() of a promise that times out')
      assert.deepEqual(record, { ...pending, state: 'timedout', settledAtMs: timeoutAtMs })
      assert.ok(Date.now() >= timeoutAtMs - 50, 'it is not told before its time')
      assert.deepEqual(await store.get('a'), record)
      const settled = await store.settle({ id: 'a', state: 'resolved', value: 'late' })
      assert.deepEqual(settled, { record, applied: false })
      assert.deepEqual(await store.create({ id: 'a', timeoutAtMs: farMs() }), { record, created: false })
    },
  },
  {
    name: 'times out at the right time when a nearer deadline comes later',
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'far', timeoutAtMs: farMs() })
      const far = startWait(store, 'far')
      const timeoutAtMs = Date.now() + soonMs
      await store.create({ id: 'later', timeoutAtMs: timeoutAtMs + 20 })
      await store.create({ id: 'near', timeoutAtMs })
      const records = await settles(Promise.all([startWait(store, 'near'), startWait(store, 'later')]), 'two timeouts')
      assert.deepEqual(
        records.map(({ state, settledAtMs }) => [state, settledAtMs]),
        [
          ['timedout', timeoutAtMs],
          ['timedout', timeoutAtMs + 20],
        ],
      )
      assert.equal((await store.get('far'))?.state, 'pending')
      await store.settle({ id: 'far', state: 'resolved' })
      assert.equal((await settles(far, 'the far one')).state, 'resolved')
    },
  },
  {
    name: 'times out also when nobody waits',
    async run({ open, settles }) {
      const store = await open()
      const timeoutAtMs = Date.now() + soonMs
      await store.create({ id: 'a', timeoutAtMs })
      // a promise of the store is the clock of this check
      await store.create({ id: 'clock', timeoutAtMs: timeoutAtMs + 1 })
      await settles(startWait(store, 'clock'), 'the clock')
      const { record, applied } = await store.settle({ id: 'a', state: 'resolved', value: 'late' })
      assert.deepEqual([record.state, record.settledAtMs, applied], ['timedout', timeoutAtMs, false])
    },
  },
  {
    name: 'is timed out from the start when its time has passed',
    async run({ open, settles }) {
      const store = await open()
      const timeoutAtMs = Date.now() - 60_000
      const { record, created } = await store.create({ id: 'a', timeoutAtMs, param: 'p' })
      assert.deepEqual([created, record.state, record.param, record.settledAtMs], [true, 'timedout', 'p', timeoutAtMs])
      assert.deepEqual(await settles(startWait(store, 'a'), 'wait()'), record)
      assert.equal((await store.create({ id: 'a', timeoutAtMs: farMs() })).created, false)
      assert.equal((await store.settle({ id: 'a', state: 'resolved' })).applied, false)
    },
  },
  {
    name: 'leaves alone what was settled in time',
    async run({ open, settles }) {
      const store = await open()
      const timeoutAtMs = Date.now() + soonMs
      await store.create({ id: 'a', timeoutAtMs })
      await store.create({ id: 'clock', timeoutAtMs: timeoutAtMs + 1 })
      const { record } = await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      assert.equal(record.state, 'resolved', `it took longer than ${soonMs} ms to settle it`)
      await settles(startWait(store, 'clock'), 'the clock')
      assert.deepEqual(await store.get('a'), record)
    },
  },
  {
    name: 'waits for what ends as far in the future as there is time',
    async run({ open, settles }) {
      const store = await open()
      // more than a timer can be set to
      const times = { timer: Date.now() + 2 ** 31 + 1000, last: Number.MAX_SAFE_INTEGER }
      for (const [id, timeoutAtMs] of Object.entries(times)) {
        await store.create({ id, timeoutAtMs })
        const waiting = startWait(store, id)
        // a promise of the store is the clock of this check
        await store.create({ id: `clock-${id}`, timeoutAtMs: Date.now() + 50 })
        await settles(startWait(store, `clock-${id}`), 'the clock')
        const record = await store.get(id)
        assert.deepEqual([record?.state, record?.timeoutAtMs], ['pending', timeoutAtMs], id)
        await store.settle({ id, state: 'resolved', value: 'v' })
        assert.deepEqual((await settles(waiting, 'wait()')).value, 'v')
      }
    },
  },
  {
    name: 'says one thing to everyone of what is settled around its time',
    async run({ open, settles }) {
      const store = await open()
      // a promise of the store is the clock of this check
      const aroundMs = Date.now() + soonMs
      await store.create({ id: 'clock', timeoutAtMs: aroundMs })
      const ids = Array.from({ length: 60 }, (_, index) => `p-${index}`)
      await Promise.all(ids.map((id, index) => store.create({ id, timeoutAtMs: aroundMs - 30 + index })))
      const waits = ids.map((id) => startWait(store, id))
      await settles(startWait(store, 'clock'), 'the clock')
      const calls = ids.map(async (id) => {
        const [before, settled, after] = await Promise.all([
          store.get(id),
          store.settle({ id, state: 'resolved', value: id }),
          store.get(id),
        ])
        const { record, applied } = settled
        assert.equal(record.state, applied ? 'resolved' : 'timedout', id)
        for (const told of [before, after]) if (told?.state !== 'pending') assert.deepEqual(told, record, id)
        return record
      })
      const records = await settles(Promise.all(calls), 'the calls')
      assert.deepEqual(await settles(Promise.all(waits), 'wait()'), records)
      for (const record of records) assert.deepEqual(await store.get(record.id), record)
    },
  },
]
