import assert from 'node:assert/strict'
import type { StoreCheckDefinition } from './store-bench.ts'
import { farMs, rejects } from './store-bench.ts'

export const waitChecks: readonly StoreCheckDefinition[] = [
  {
    name: 'tells everyone who waits, before and after it is settled',
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const early = Array.from({ length: 5 }, () => store.wait('a'))
      await store.get('a')
      const { record } = await store.settle({ id: 'a', state: 'resolved', value: 'v' })
      for (const waiting of [...early, store.wait('a')])
        assert.deepEqual(await settles(waiting, 'wait() of a settled promise'), record)
    },
  },
  {
    name: 'resolves also when the promise was rejected or canceled',
    async run({ open, settles }) {
      const store = await open()
      for (const state of ['rejected', 'canceled'] as const) {
        await store.create({ id: state, timeoutAtMs: farMs() })
        const waiting = store.wait(state)
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
      const waiting = store.wait('a').finally(() => (isOver = true))
      await store.settle({ id: 'b', state: 'resolved' })
      await store.wait('b')
      assert.equal(isOver, false)
      await store.settle({ id: 'a', state: 'resolved' })
      await waiting
    },
  },
  {
    name: 'ends the wait whose signal fires, and no other',
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const controllers = [new AbortController(), new AbortController(), new AbortController()]
      const waits = controllers.map(({ signal }) => store.wait('a', { signal }))
      for (const waiting of waits) waiting.catch(() => {})
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
    async run({ open, settles }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      const controller = new AbortController()
      const first = store.wait('a', { signal: controller.signal })
      controller.abort()
      await rejects(first, 'CANCELLED', 'the wait that was aborted')
      const second = store.wait('a')
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
      const waits = ids.map((id) => store.wait(id))
      await Promise.all(ids.toReversed().map((id) => store.settle({ id, state: 'resolved', value: id })))
      const records = await settles(Promise.all(waits), 'wait() of 200 promises')
      assert.deepEqual(
        records.map(({ id, value }) => [id, value]),
        ids.map((id) => [id, id]),
      )
    },
  },
]
