import assert from 'node:assert/strict'
import type { DurablePromiseStoreContractOptions } from './store-contract.ts'
import { farMs, startWait, type StoreCheckDefinition } from './store-bench.ts'

/** Everything that an id may consist of, in as many characters as it may have. */
const longestIds = 'aZ09_.:-'.repeat(64)
const texts = {
  empty: '',
  unicode: 'Grüße, 世界 \u{1f680} \u0301',
  nul: 'a\0b',
  controls: Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join(''),
  quotes: `'"\\\`$1; -- {{.id}} %s`,
  loneSurrogate: 'a\ud800b\udc00',
  json: '{"a":[1,null,"\\u0000"]}',
  infinity: '__INF__',
}

export const createChecks = ({ idChars }: DurablePromiseStoreContractOptions): StoreCheckDefinition[] => [
  {
    name: 'creates for exactly one of many at once, and gives the same record to all',
    async run({ open, settles }) {
      const store = await open()
      const timeoutAtMs = farMs()
      const calls = Array.from({ length: 30 }, (_, index) => {
        return store.create({ id: 'raced', timeoutAtMs: timeoutAtMs + index, param: `param ${index}` })
      })
      const results = await settles(Promise.all(calls), 'create()')
      const made = results.flatMap(({ created }, index) => (created ? [index] : []))
      assert.equal(made.length, 1, `${made.length} calls were told that they created it`)
      const kept = await store.get('raced')
      assert.equal(kept?.param, `param ${made[0]}`, 'what is kept is what the one creator gave')
      assert.equal(kept?.timeoutAtMs, timeoutAtMs + made[0]!)
      for (const { record } of results) assert.deepEqual(record, kept)
    },
  },
  {
    name: 'keeps the first of one id, whatever the others carry',
    async run({ open }) {
      const store = await open()
      const first = await store.create({ id: 'same', timeoutAtMs: farMs(), param: 'first', tags: { n: '1' } })
      assert.equal(first.created, true)
      const second = await store.create({ id: 'same', timeoutAtMs: farMs() + 5000, param: 'second' })
      assert.deepEqual(second, { record: first.record, created: false })
      await store.settle({ id: 'same', state: 'resolved', value: 'v' })
      const third = await store.create({ id: 'same', timeoutAtMs: farMs(), param: 'third' })
      assert.equal(third.created, false)
      assert.equal(third.record.state, 'resolved')
      assert.equal(third.record.value, 'v')
      assert.equal(third.record.param, 'first')
    },
  },
  {
    name: 'gives back what it was created with',
    async run({ open }) {
      const store = await open()
      const before = Date.now()
      const tags = {
        session: 'a',
        'x:y': 'ü"\'\u{1f680}',
        empty: '',
        ...JSON.parse('{"__proto__":"p","constructor":"c"}'),
      }
      const timeoutAtMs = farMs()
      const { record } = await store.create({ id: 'a', timeoutAtMs, param: 'p', tags })
      const { createdAtMs, ...rest } = record
      assert.deepEqual(rest, { id: 'a', state: 'pending', param: 'p', tags, timeoutAtMs })
      // a server has a clock of its own
      assert.ok(Math.abs(createdAtMs - before) < 60_000, `createdAtMs is ${createdAtMs - before} ms off`)
      tags.session = 'changed'
      assert.deepEqual(await store.get('a'), record)
      const bare = await store.create({ id: 'b', timeoutAtMs })
      assert.deepEqual(bare.record.tags, {})
      assert.equal(Object.hasOwn(bare.record, 'param'), false, 'no param was given')
      assert.equal(Object.hasOwn(bare.record, 'value'), false, 'it is not settled')
      assert.equal(Object.hasOwn(bare.record, 'settledAtMs'), false, 'it is not settled')
    },
  },
  {
    name: 'takes every id that a promise can have, and tells them apart',
    async run({ open }) {
      const store = await open()
      const ids = [
        'a',
        'A',
        '0',
        '-',
        '.',
        '..',
        ':',
        '__proto__',
        'constructor',
        'a:b',
        'a.b',
        'a_b',
        longestIds.slice(0, idChars),
      ]
      for (const id of ids)
        assert.equal((await store.create({ id, timeoutAtMs: farMs(), param: id })).created, true, id)
      for (const id of ids) assert.equal((await store.get(id))?.param, id)
    },
  },
  {
    name: 'refuses what is no promise',
    async run({ open, rejects }) {
      const store = await open()
      const timeoutAtMs = farMs()
      const bad = [
        ...['', 'a/b', 'a b', 'ä', 'a\0', 'a\n', `${longestIds}a`, "a'"].map((id) => ({ id, timeoutAtMs })),
        ...[Number.NaN, Infinity, 1.5, -1, '5'].map((each) => ({ id: 'a', timeoutAtMs: each })),
        { id: 'a', timeoutAtMs, param: 5 },
        { id: 'a', timeoutAtMs: Number.MAX_SAFE_INTEGER + 1 },
        { id: 'a', timeoutAtMs, param: null },
        { id: 'a', timeoutAtMs, tags: { a: 5 } },
        { id: 'a', timeoutAtMs, tags: ['a'] },
        { id: 'a', timeoutAtMs, tags: new Map([['a', 'b']]) },
        { id: 'a', timeoutAtMs, tags: { 'resonate:target': 'poll://any@default' } },
        { id: 'a', timeoutAtMs, other: 1 },
      ] as unknown as Parameters<typeof store.create>[0][]
      for (const each of bad) await rejects(store.create(each), 'INVALID_OPTIONS', `create(${JSON.stringify(each)})`)
      await rejects(store.get('a b'), 'INVALID_OPTIONS', 'get()')
      await rejects(startWait(store, ''), 'INVALID_OPTIONS', 'wait()')
      assert.equal(await store.get('a'), undefined)
      await store.create({ id: 'a', timeoutAtMs })
      const badSettlements = [
        { state: 'timedout' },
        { state: 'pending' },
        { state: 'resolved', value: 5 },
        { state: 'resolved', value: null },
        { state: 'resolved', value: new Uint8Array(1) },
        { state: 'resolved', other: 1 },
      ].map((each) => ({ id: 'a', ...each })) as unknown as Parameters<typeof store.settle>[0][]
      for (const each of badSettlements)
        await rejects(store.settle(each), 'INVALID_OPTIONS', `settle(${JSON.stringify(each)})`)
      const badOptions = { signal: 'stop' } as unknown as { signal: AbortSignal }
      await rejects(store.get('a', badOptions), 'INVALID_OPTIONS', 'get() with a signal that is none')
      assert.equal((await store.get('a'))?.state, 'pending')
    },
  },
  {
    name: 'knows nothing of ids that were never created',
    async run({ open, rejects }) {
      const store = await open()
      await store.create({ id: 'a', timeoutAtMs: farMs() })
      for (const id of ['b', 'A', '__proto__', 'constructor', 'toString', 'a.b', longestIds.slice(0, idChars)]) {
        assert.equal(await store.get(id), undefined)
        await rejects(store.settle({ id, state: 'resolved' }), 'PROMISE_NOT_FOUND', `settle(${id})`)
        await rejects(startWait(store, id), 'PROMISE_NOT_FOUND', `wait(${id})`)
      }
    },
  },
  {
    name: 'keeps every text, exactly',
    async run({ open }) {
      const store = await open()
      for (const [id, text] of Object.entries(texts)) {
        await store.create({ id, timeoutAtMs: farMs(), param: text, tags: { text } })
        await store.settle({ id, state: 'resolved', value: text })
      }
      for (const [id, text] of Object.entries(texts)) {
        const record = await store.get(id)
        assert.deepEqual([record?.param, record?.value, record?.tags], [text, text, { text }], id)
      }
    },
  },
  {
    name: 'keeps 1 MiB',
    async run({ open }) {
      const store = await open()
      const text = 'x€\u{1f680}'.repeat(130_000)
      await store.create({ id: 'large', timeoutAtMs: farMs(), param: text })
      const { record } = await store.settle({ id: 'large', state: 'rejected', value: text })
      assert.ok(record.value === text && record.param === text, 'settle() gives it back')
      const kept = await startWait(store, 'large')
      assert.ok(kept.value === text && kept.param === text, 'it is kept')
    },
  },
]
