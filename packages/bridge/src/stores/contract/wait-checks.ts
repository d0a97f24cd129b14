import assert from 'node:assert/strict'
import { farMs, startWait, type StoreCheckDefinition } from './store-bench.ts'

export const waitChecks: readonly StoreCheckDefinition[] = [
  {
    name: 'tells everyone who waits, before and after it is settled',
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const early = Array.from({ length: 5 }, () => startWait(store, 'a'))
      await store.get('a')
      const { record } = await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      for (const waiting of [...early, startWait(store, 'a')])
        assert.deepEqual(await settles(waiting, 'wait() of a settled promise'), record)
    },
  },
  {
    name: 'resolves also when the promise was rejected or canceled',
    async run({ open, settles }) {
      const store = await open()
      for (const state of ['rejected', 'canceled'] as const) {
        await store.create({ id: state, timeoutAtMs: farMs() })
        const waiting = startWait(store, state)
        await store.settle({ id: state, state, value: 'v' })
        const record = await settles(waiting, `wait() of a ${state} promise`)
        assert.deepEqual([record.state, record.value], [state, 'v'])
      }
    },
  },
  {
    name: 'waits while nothing settles it',
    async run({ open }) {
      const store = await open()
      for (const id of ['a', 'b']) await store.create({ id, timeoutAtMs: farMs() })
      let isOver = false
      const waiting = startWait(store, 'a').finally(() => (isOver = true))
      await store.settle({ id: 'b', state: 'resolved' })
      await startWait(store, 'b')
      assert.equal(isOver, false)
      await store.settle({ id: 'a', state: 'resolved' })
      await waiting
    },
  },
  {
    name: 'ends the wait whose signal fires, and no other',
    async run({ open, settles, rejects }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const controllers = [new AbortController(), new AbortController(), new AbortController()]
      const waits = controllers.map(({ signal }) => startWait(store, 'a', { signal }))
      controllers[1]!.abort(new Error('enough'))
      await rejects(waits[1]!, 'CANCELLED', 'the wait that was aborted')
      await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      for (const index of [0, 2]) assert.equal((await settles(waits[index]!, 'another wait')).value, 'v')
      // a signal that fires afterwards changes nothing
      controllers[0]!.abort()
      assert.equal((await waits[0])?.value, 'v')
    },
  },
  {
    name: 'can be waited for again after the only wait was aborted',
    async run({ open, settles, rejects }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const controller = new AbortController()
      const first = startWait(store, 'a', { signal: controller.signal })
      controller.abort()
      await rejects(first, 'CANCELLED', 'the wait that was aborted')
      const second = startWait(store, 'a')
      await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      assert.equal((await settles(second, 'the second wait')).value, 'v')
    },
  },
  {
    name: 'waits for many promises at once',
    async run({ open, settles }) {
      const store = await open()
      const ids = Array.from({ length: 200 }, (_, index) => `p-${index}`)
      await Promise.all(ids.map((id) => store.create({ id, timeoutAtMs: farMs() })))
      const waits = ids.map((id) => startWait(store, id))
      await Promise.all(ids.toReversed().map((id) => store.settle({ id, state: 'resolved', value: id })))
      const records = await settles(Promise.all(waits), 'wait() of 200 promises')
      assert.deepEqual(
        records.map(({ id, value }) => [id, value]),
        ids.map((id) => [id, id]),
      )
    },
  },
  {
    name: 'tells one who waits for what there is now, whatever an earlier wait was told',
    async run({ open, settles }) {
      const store = await open()
      for (let round = 0; round < 20; round += 1) {
        const id = `p-${round}`
        // there is none yet, or just now
        const early = startWait(store, id)
        await store.create({ id, timeoutAtMs: farMs() })
        const late = startWait(store, id)
        await store.settle({ id, state: 'resolved', value: id })
        assert.equal((await settles(late, 'wait() of what was created before')).value, id)
        await settles(
          early.catch(() => {}),
          'the early wait',
        )
      }
    },
  },
]
