import assert from 'node:assert/strict'
import type { DurablePromiseStoreContractOptions } from './store-contract.ts'
import { farMs, startWait, type StoreCheckDefinition } from './store-bench.ts'

export function persistenceChecks({
  capabilities,
  reopen,
}: DurablePromiseStoreContractOptions): StoreCheckDefinition[] {
  const skipped = capabilities.persistent ? (reopen === undefined ? 'no `reopen`' : undefined) : 'it is not persistent'
  return [
    {
      name: 'finds everything again after a restart, and goes on with it',
      skipped,
      async run({ open, reopen: again, settles }) {
        const first = await open()
        await first.create({ id: 'settled', timeoutAtMs: farMs(), param: 'p', tags: { a: 'b' } })
        await first.settle({ id: 'settled', state: 'rejected', value: 'v\0ü' })
        await first.create({ id: 'pending', timeoutAtMs: farMs(), param: 'q' })
        const timeoutAtMs = Date.now() + 400
        await first.create({ id: 'late', timeoutAtMs })
        const before = [await first.get('settled'), await first.get('pending')]
        const second = await again(first)
        assert.deepEqual([await second.get('settled'), await second.get('pending')], before)
        assert.equal((await second.create({ id: 'pending', timeoutAtMs: farMs() })).created, false)
        assert.equal((await second.settle({ id: 'settled', state: 'resolved' })).applied, false)
        const waiting = startWait(second, 'pending')
        assert.equal((await second.settle({ id: 'pending', state: 'resolved', value: 'w' })).applied, true)
        assert.equal((await settles(waiting, 'wait()')).value, 'w')
        const late = await settles(startWait(second, 'late'), 'wait() of a promise that times out after the restart')
        assert.deepEqual([late.state, late.settledAtMs], ['timedout', timeoutAtMs])
      },
    },
  ]
}

export function sharedChecks(options: DurablePromiseStoreContractOptions): StoreCheckDefinition[] {
  const { capabilities, openSecond, cut } = options
  const skipped = capabilities.shared ? (openSecond === undefined ? 'no `openSecond`' : undefined) : 'it is not shared'
  return [
    {
      name: 'tells those who wait what another process settled',
      skipped,
      async run({ open, openSecond: another, settles }) {
        const first = await open()
        const second = await another(first)
        const { record } = await first.create({ id: 'a', timeoutAtMs: farMs(), param: 'p' })
        assert.deepEqual(await second.get('a'), record)
        const waits = [startWait(first, 'a'), startWait(second, 'a')]
        await Promise.all([first.get('a'), second.get('a')])
        const settled = await second.settle({ id: 'a', state: 'resolved', value: 'v' })
        assert.equal(settled.applied, true)
        for (const waiting of waits) assert.deepEqual(await settles(waiting, 'wait()'), settled.record)
        assert.deepEqual(await first.settle({ id: 'a', state: 'rejected' }), { record: settled.record, applied: false })
      },
    },
    {
      name: 'misses nothing of what another process settles while waits begin',
      skipped,
      async run({ open, openSecond: another, settles }) {
        const first = await open()
        const second = await another(first)
        const ids = Array.from({ length: 150 }, (_, index) => `p-${index}`)
        await Promise.all(ids.map((id) => first.create({ id, timeoutAtMs: farMs() })))
        const waits = ids.map((id) => startWait(first, id))
        await Promise.all(ids.map((id) => second.settle({ id, state: 'resolved', value: id })))
        const records = await settles(Promise.all(waits), 'wait() of what was settled meanwhile')
        assert.deepEqual(
          records.map(({ value }) => value),
          ids,
        )
      },
    },
    {
      name: 'lets one of two processes create and one settle',
      skipped,
      async run({ open, openSecond: another, settles }) {
        const first = await open()
        const stores = [first, await another(first)]
        for (let round = 0; round < 10; round += 1) {
          const id = `raced-${round}`
          const creations = Array.from({ length: 6 }, (_, index) =>
            stores[index % 2]!.create({ id, timeoutAtMs: farMs(), param: `${index}` }),
          )
          const created = await settles(Promise.all(creations), 'create()')
          assert.equal(created.filter((each) => each.created).length, 1)
          const waits = stores.map((store) => startWait(store, id))
          const settlements = Array.from({ length: 6 }, (_, index) =>
            stores[index % 2]!.settle({ id, state: 'resolved', value: `${index}` }),
          )
          const settled = await settles(Promise.all(settlements), 'settle()')
          assert.equal(settled.filter(({ applied }) => applied).length, 1)
          const { record } = settled.find(({ applied }) => applied)!
          for (const waiting of waits) assert.deepEqual(await settles(waiting, 'wait()'), record)
        }
      },
    },
    {
      name: 'goes on after its connections were cut, and misses nothing that happened meanwhile',
      skipped: cut === undefined ? 'no `cut`' : skipped,
      async run({ open, openSecond: another, cut: cutOff, settles }) {
        const first = await open()
        const second = await another(first)
        for (const id of ['a', 'b', 'c']) await first.create({ id, timeoutAtMs: farMs() })
        const waits = ['a', 'b'].map((id) => startWait(first, id))
        await first.get('a')
        const cutting = cutOff(first)
        const settled = await settles(second.settle({ id: 'a', state: 'resolved', value: '1' }), 'settle()')
        await cutting
        assert.deepEqual(await settles(waits[0]!, 'a wait whose connection was cut'), settled.record)
        await cutOff(first)
        const calls = [first.settle({ id: 'c', state: 'resolved' }), first.settle({ id: 'c', state: 'rejected' })]
        const results = await settles(Promise.all(calls), 'calls after the cut')
        assert.equal(results.filter(({ applied }) => applied).length, 1)
        await second.settle({ id: 'b', state: 'resolved', value: '2' })
        assert.equal((await settles(waits[1]!, 'the second wait')).value, '2')
      },
    },
  ]
}
