import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '@capsule/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Checkpoint, CheckpointFacts } from './checkpoint.ts'
import { openCheckpoint, sealCheckpoint } from './checkpoint-blob.ts'
import type { CheckpointRetention } from './checkpoint-retention.ts'
import type { CheckpointStore, CheckpointSummary } from './checkpoint-store.ts'

/** What the suite asks a new store for; only where `abilities.retention` is set. */
export interface StoreWishes {
  readonly retention?: CheckpointRetention
  /** For `maxAgeMs`. */
  readonly clock?: Clock
}

export interface CheckpointStoreContractOptions {
  /** A new, empty store. */
  readonly createStore: (wishes: StoreWishes) => CheckpointStore | Promise<CheckpointStore>
  /** Another store over what this one keeps, as after a restart; without it those tests are skipped. */
  readonly reopen?: (store: CheckpointStore) => CheckpointStore | Promise<CheckpointStore>
  /** Damages what is kept under this id, behind the store's back; without it those tests are skipped. */
  readonly corrupt?: (store: CheckpointStore, id: string) => Promise<void>
  /** Removes what a store of `createStore` keeps. */
  readonly dispose?: (store: CheckpointStore) => void | Promise<void>
  readonly abilities?: {
    /** The store applies the retention it is created with. @defaultValue false */
    readonly retention?: boolean
    /** What `reopen` gives and the store before can be used at the same time. @defaultValue false */
    readonly shared?: boolean
  }
  /** Of the payload that is saved as a large one. @defaultValue 32 MiB */
  readonly largeBytes?: number
}

const startedAtMs = Date.UTC(2030, 0, 1)

/** A checkpoint of random bytes; those with a higher cell are newer. */
function seal(cell: number, facts: Partial<CheckpointFacts> = {}): Promise<Checkpoint> {
  return sealCheckpoint({
    id: `checkpoint-${cell}`,
    sessionId: 'session-1',
    createdAtMs: startedAtMs + cell,
    cell,
    nodeVersion: process.versions.node,
    snapshotVersion: 1,
    report: [{ name: 'a', status: 'restored' }],
    payload: randomBytes(1000),
    ...facts,
  })
}

const idsIn = (summaries: readonly CheckpointSummary[]): string[] => summaries.map(({ id }) => id)
const refusals = [
  'CHECKPOINT_CORRUPTED',
  'CHECKPOINT_MALFORMED',
  'CHECKPOINT_VERSION_UNSUPPORTED',
  'CHECKPOINT_TOO_LARGE',
]

/** What every store keeps to. Needs vitest. */
export function describeCheckpointStoreContract(name: string, options: CheckpointStoreContractOptions): void {
  const open: Open = async (wishes = {}) => {
    const store = await options.createStore(wishes)
    onTestFinished(async () => options.dispose?.(store))
    return store
  }
  describe(`checkpoint store contract: ${name}`, () => {
    describeKeeping(open)
    describeOrder(open)
    describeCalls(open, options)
    describeRestart(open, options)
    describeDamage(open, options)
    describe.skipIf(!options.abilities?.retention)('retention', () => {
      describeRetention(open)
    })
  })
}

type Open = (wishes?: StoreWishes) => Promise<CheckpointStore>

function describeKeeping(open: Open): void {
  it('gives back what was saved', async () => {
    const store = await open()
    const payload = randomBytes(5000)
    const report = [{ name: 'db', status: 'skipped', reason: 'open-handle', detail: 'db: Socket' }] as const
    const saved = await seal(1, { name: 'über "alles" \u{1f4be}', report: [...report], payload })
    await store.save(saved)
    const loaded = await store.load(saved.id)
    expect(loaded).toEqual(saved)
    const opened = await openCheckpoint(loaded!.bytes)
    expect(Buffer.from(opened.payload).equals(payload)).toBe(true)
  })

  it('knows nothing of ids that were never saved', async () => {
    const store = await open()
    const saved = await seal(1)
    await store.save(saved)
    const others = [
      'checkpoint-2',
      'CHECKPOINT-1',
      '',
      '.',
      '..',
      '../checkpoint-1',
      './checkpoint-1',
      'checkpoint-1\0',
    ]
    for (const id of [...others, '__proto__', 'constructor', 'x'.repeat(10_000), '%2e%2e', '*']) {
      expect(await store.load(id)).toBeUndefined()
      expect(await store.delete(id)).toBe(false)
    }
    expect(await store.load(saved.id)).toEqual(saved)
  })

  it('takes every id that a checkpoint can have', async () => {
    const store = await open()
    const ids = ['a', 'A', '-', '__proto__', 'constructor', 'con', 'x'.repeat(128), 'X'.repeat(128), '0']
    for (const [cell, id] of ids.entries()) await store.save(await seal(cell, { id }))
    for (const [cell, id] of ids.entries()) expect(await store.load(id)).toMatchObject({ id, cell })
    expect(idsIn(await store.list())).toEqual(ids.toReversed())
  })

  it('replaces what has the same id', async () => {
    const store = await open()
    const second = await seal(2, { id: 'same', name: 'second' })
    await store.save(await seal(1, { id: 'same', name: 'first' }))
    await store.save(second)
    expect(await store.load('same')).toEqual(second)
    expect(await store.list()).toMatchObject([{ id: 'same', name: 'second', cell: 2 }])
  })

  it('deletes, and says whether there was something', async () => {
    const store = await open()
    for (const cell of [1, 2]) await store.save(await seal(cell))
    expect(await store.delete('checkpoint-1')).toBe(true)
    expect(await store.delete('checkpoint-1')).toBe(false)
    expect(await store.load('checkpoint-1')).toBeUndefined()
    expect(idsIn(await store.list())).toEqual(['checkpoint-2'])
    await store.save(await seal(1))
    expect(idsIn(await store.list())).toEqual(['checkpoint-2', 'checkpoint-1'])
  })

  it("is independent of its callers' bytes", async () => {
    const store = await open()
    const given = await seal(1)
    const bytes = given.bytes.slice()
    await store.save(given)
    given.bytes.fill(0)
    const loaded = await store.load(given.id)
    expect(Buffer.from(loaded!.bytes).equals(bytes)).toBe(true)
    loaded!.bytes.fill(0)
    expect(Buffer.from((await store.load(given.id))!.bytes).equals(bytes)).toBe(true)
  })

  it('refuses a checkpoint whose bytes are those of another one', async () => {
    const store = await open()
    const [first, second] = [await seal(1), await seal(2)]
    await expect(store.save({ ...first, id: second.id })).rejects.toMatchObject({ code: 'CHECKPOINT_MALFORMED' })
    await expect(store.save({ ...first, id: '../escaped' })).rejects.toMatchObject({ code: 'CHECKPOINT_MALFORMED' })
    await expect(store.save({ ...first, bytes: randomBytes(500) })).rejects.toMatchObject({
      code: 'CHECKPOINT_MALFORMED',
    })
    expect(await store.list()).toEqual([])
  })
}

function describeOrder(open: Open): void {
  it('lists the newest first, without bytes and report', async () => {
    const store = await open()
    expect(await store.list()).toEqual([])
    const saved = await Promise.all([3, 10, 1, 2].map((cell) => seal(cell, cell === 10 ? { name: 'ten' } : {})))
    for (const checkpoint of saved) await store.save(checkpoint)
    const expected = saved
      .toSorted((a, b) => b.cell - a.cell)
      .map(({ bytes, report: _report, ...summary }) => ({ ...summary, sizeBytes: bytes.length }))
    expect(await store.list()).toEqual(expected)
  })

  it('orders those of the same millisecond by cell, then by id', async () => {
    const store = await open()
    const at = { createdAtMs: startedAtMs }
    for (const [id, cell] of [
      ['b', 1],
      ['c', 5],
      ['a', 1],
      ['d', 2],
    ] as const)
      await store.save(await seal(cell, { id, ...at }))
    expect(idsIn(await store.list())).toEqual(['c', 'd', 'b', 'a'])
  })
}

function describeCalls(open: Open, { largeBytes = 32 * 1024 * 1024 }: CheckpointStoreContractOptions): void {
  it('takes concurrent saves', async () => {
    const store = await open()
    const saved = await Promise.all(Array.from({ length: 20 }, (_, cell) => seal(cell)))
    await Promise.all(saved.map((checkpoint) => store.save(checkpoint)))
    expect(idsIn(await store.list())).toEqual(saved.map(({ id }) => id).toReversed())
    for (const checkpoint of saved) expect(await store.load(checkpoint.id)).toEqual(checkpoint)
  })

  it('keeps one of those saved at once under one id, whole', async () => {
    const store = await open()
    const rivals = await Promise.all(
      [1, 2, 3, 4].map((cell) => seal(cell, { id: 'same', payload: randomBytes(200_000) })),
    )
    await Promise.all([...rivals.map((checkpoint) => store.save(checkpoint)), store.list(), store.load('same')])
    expect(rivals).toContainEqual(await store.load('same'))
    expect(await store.list()).toHaveLength(1)
  })

  it('keeps large ones', async () => {
    const store = await open()
    const large = await seal(1, { payload: randomBytes(largeBytes) })
    await store.save(large)
    const loaded = await store.load(large.id)
    expect(Buffer.from(loaded!.bytes).equals(large.bytes)).toBe(true)
    expect(await store.list()).toMatchObject([{ payloadBytes: largeBytes, sizeBytes: large.bytes.length }])
  }, 60_000)

  it('does nothing when the signal has fired', async () => {
    const store = await open()
    const [kept, other] = [await seal(1), await seal(2)]
    await store.save(kept)
    const reason = new Error('no longer')
    const aborted = { signal: AbortSignal.abort(reason) }
    const cancelled = { code: 'CANCELLED', cause: reason }
    await expect(store.save(other, aborted)).rejects.toMatchObject(cancelled)
    await expect(store.load(kept.id, aborted)).rejects.toMatchObject(cancelled)
    await expect(store.list(aborted)).rejects.toMatchObject(cancelled)
    await expect(store.delete(kept.id, aborted)).rejects.toMatchObject(cancelled)
    expect(idsIn(await store.list())).toEqual([kept.id])
  })

  it('saves wholly or not at all when the signal fires meanwhile', async () => {
    const store = await open()
    const checkpoint = await seal(1, { payload: randomBytes(2_000_000) })
    const controller = new AbortController()
    const saving = store.save(checkpoint, { signal: controller.signal })
    controller.abort()
    const isSaved = await saving.then(
      () => true,
      (error: { code: string }) => error.code !== 'CANCELLED',
    )
    const loaded = await store.load(checkpoint.id)
    expect(loaded && Buffer.from(loaded.bytes).equals(checkpoint.bytes)).toBe(isSaved ? true : undefined)
    expect(await store.list()).toHaveLength(isSaved ? 1 : 0)
  })
}

function describeRestart(open: Open, { reopen, abilities }: CheckpointStoreContractOptions): void {
  it.skipIf(reopen === undefined)('finds everything again after a restart', async () => {
    const first = await open()
    const saved = await Promise.all([1, 2, 3].map((cell) => seal(cell)))
    for (const checkpoint of saved) await first.save(checkpoint)
    await first.delete('checkpoint-2')
    const summaries = await first.list()
    const second = await reopen!(first)
    expect(await second.list()).toEqual(summaries)
    expect(await second.load('checkpoint-2')).toBeUndefined()
    for (const cell of [0, 2]) expect(await second.load(saved[cell]!.id)).toEqual(saved[cell])
  })

  it.skipIf(reopen === undefined || !abilities?.shared)(
    'shares what it keeps with another store over the same',
    async () => {
      const first = await open()
      const second = await reopen!(first)
      await first.save(await seal(1))
      await second.save(await seal(2))
      expect(idsIn(await first.list())).toEqual(['checkpoint-2', 'checkpoint-1'])
      expect(await first.delete('checkpoint-2')).toBe(true)
      expect(await second.load('checkpoint-2')).toBeUndefined()
      expect(idsIn(await second.list())).toEqual(['checkpoint-1'])
    },
  )
}

function describeDamage(open: Open, { corrupt }: CheckpointStoreContractOptions): void {
  it.skipIf(corrupt === undefined)('tells of a damaged entry and goes on with the others', async () => {
    const store = await open()
    const saved = await Promise.all([1, 2, 3].map((cell) => seal(cell)))
    for (const checkpoint of saved) await store.save(checkpoint)
    await corrupt!(store, 'checkpoint-2')
    const loading = store.load('checkpoint-2')
    await expect(loading).rejects.toMatchObject({ name: 'CapsuleError', code: expect.toBeOneOf(refusals) })
    expect(idsIn(await store.list()).filter((id) => id !== 'checkpoint-2')).toEqual(['checkpoint-3', 'checkpoint-1'])
    for (const cell of [0, 2]) expect(await store.load(saved[cell]!.id)).toEqual(saved[cell])
  })

  it.skipIf(corrupt === undefined)('replaces and deletes a damaged entry', async () => {
    const store = await open()
    for (const cell of [1, 2]) {
      await store.save(await seal(cell))
      await corrupt!(store, `checkpoint-${cell}`)
    }
    const fresh = await seal(1)
    await store.save(fresh)
    expect(await store.load(fresh.id)).toEqual(fresh)
    expect(await store.delete('checkpoint-2')).toBe(true)
    expect(idsIn(await store.list())).toEqual([fresh.id])
  })
}

function describeRetention(open: Open): void {
  const saveAll = async (store: CheckpointStore, checkpoints: readonly Promise<Checkpoint>[]): Promise<void> => {
    for (const checkpoint of checkpoints) await store.save(await checkpoint)
  }
  const numbers = (ids: readonly string[]): number[] => ids.map((id) => Number(id.split('-')[1]))
  const kept = async (store: CheckpointStore): Promise<number[]> => numbers(idsIn(await store.list()))

  it('keeps the newest by number', async () => {
    const store = await open({ retention: { maxCheckpoints: 2 } })
    await saveAll(
      store,
      [1, 2, 3, 4].map((cell) => seal(cell)),
    )
    expect(await kept(store)).toEqual([4, 3])
    expect(await store.load('checkpoint-2')).toBeUndefined()
  })

  it('keeps the newest by size', async () => {
    const { length } = (await seal(1)).bytes
    const store = await open({ retention: { maxBytes: 3 * length } })
    await saveAll(
      store,
      [1, 2, 3, 4, 5].map((cell) => seal(cell)),
    )
    expect(await kept(store)).toEqual([5, 4, 3])
    await store.save(await seal(6, { payload: randomBytes(10 * length) }))
    expect(await kept(store)).toEqual([6])
    await store.save(await seal(7))
    expect(await kept(store)).toEqual([7])
  })

  it('keeps the newest by age', async () => {
    let nowMs = startedAtMs + 100
    const clock = { ...systemClock, wallTimeMs: () => nowMs }
    const store = await open({ retention: { maxAgeMs: 100 }, clock })
    await saveAll(
      store,
      [0, 50, 100].map((cell) => seal(cell)),
    )
    expect(await kept(store)).toEqual([100, 50, 0])
    nowMs += 51
    await store.save(await seal(120))
    expect(await kept(store)).toEqual([120, 100])
    nowMs += 1_000_000
    expect(await kept(store)).toEqual([120, 100])
  })

  it('never removes what was just saved, however old it is', async () => {
    const clock = { ...systemClock, wallTimeMs: () => startedAtMs + 1_000_000 }
    const store = await open({ retention: { maxCheckpoints: 1, maxBytes: 1, maxAgeMs: 1 }, clock })
    await store.save(await seal(5))
    expect(await kept(store)).toEqual([5])
    await store.save(await seal(3))
    expect(await kept(store)).toEqual([3])
  })

  it('keeps those with a name when asked to, and counts only the others', async () => {
    const store = await open({ retention: { maxCheckpoints: 2, keepNamed: true } })
    await saveAll(store, [seal(1, { name: 'start' }), seal(2), seal(3), seal(4, { name: 'imported' }), seal(5)])
    expect(await kept(store)).toEqual([5, 4, 3, 1])
  })

  it('treats those with a name as the others otherwise', async () => {
    const store = await open({ retention: { maxCheckpoints: 1 } })
    await saveAll(store, [seal(1, { name: 'start' }), seal(2)])
    expect(await kept(store)).toEqual([2])
  })

  it('never leaves less than it should when saves are concurrent', async () => {
    const store = await open({ retention: { maxCheckpoints: 3 } })
    const saved = await Promise.all(Array.from({ length: 12 }, (_, cell) => seal(cell)))
    await Promise.all(saved.map((checkpoint) => store.save(checkpoint)))
    expect((await kept(store)).slice(0, 3)).toEqual([11, 10, 9])
  })
}
