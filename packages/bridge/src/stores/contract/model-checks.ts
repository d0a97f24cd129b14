import assert from 'node:assert/strict'
import type { DurablePromiseStore, DurableRecord, SettleDurablePromise } from '../durable-promise-store.ts'
import type { DurablePromiseStoreContractOptions } from './store-contract.ts'
import type { StoreCheckDefinition } from './store-bench.ts'
import { farMs } from './store-bench.ts'

/** Numbers below a bound, the same for the same seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const states = ['resolved', 'rejected', 'canceled'] as const
/** `isKnown`: the promise was there before the call. */
type Result = { readonly isKnown: boolean } & Told
type Told =
  | { readonly kind: 'create'; readonly param: string; readonly created: boolean; readonly record: DurableRecord }
  | {
      readonly kind: 'settle'
      readonly given: SettleDurablePromise
      readonly applied: boolean
      readonly record: DurableRecord
    }
  | { readonly kind: 'get' | 'wait'; readonly record: DurableRecord | undefined }
  | { readonly kind: 'missing' }

const orMissing = (error: unknown): Told => {
  if ((error as { code?: string }).code === 'PROMISE_NOT_FOUND') return { kind: 'missing' }
  throw error
}

const waitFor = (store: DurablePromiseStore, id: string): Promise<Told> =>
  store.wait(id).then((record): Told => ({ kind: 'wait', record }), orMissing)

const settleTo = (store: DurablePromiseStore, given: SettleDurablePromise): Promise<Told> =>
  store.settle(given).then(({ record, applied }): Told => ({ kind: 'settle', given, record, applied }), orMissing)

async function callAtRandom(store: DurablePromiseStore, id: string, random: (below: number) => number): Promise<Told> {
  const choice = random(8)
  const value = `v${random(1_000_000)}`
  if (choice < 3) return settleTo(store, { id, state: states[random(3)]!, value })
  if (choice < 5) return { kind: 'get', record: await store.get(id) }
  const { record, created } = await store.create({ id, timeoutAtMs: farMs(), param: value })
  return { kind: 'create', param: value, record, created }
}

/** What must hold of all calls for one promise, in whatever order they took effect. */
function checkHistory(results: readonly Result[], final: DurableRecord | undefined, where: string): void {
  const creators = results.filter((each) => each.kind === 'create' && each.created)
  const appliers = results.filter((each) => each.kind === 'settle' && each.applied)
  const wasCreated = results.some(({ kind }) => kind === 'create')
  assert.equal(creators.length, wasCreated ? 1 : 0, `${where}: how many created it`)
  assert.ok(appliers.length <= 1, `${where}: how many settled it`)
  assert.equal(final !== undefined, wasCreated, `${where}: whether it is there`)
  if (final === undefined) return
  const [creator] = creators
  assert.equal(final.param, creator?.kind === 'create' ? creator.param : undefined, `${where}: its param`)
  const [applier] = appliers
  const expected = applier?.kind === 'settle' ? [applier.given.state, applier.given.value] : ['pending', undefined]
  assert.deepEqual([final.state, final.value], expected, `${where}: its state`)
  const pending: DurableRecord = {
    id: final.id,
    state: 'pending',
    param: final.param!,
    tags: final.tags,
    createdAtMs: final.createdAtMs,
    timeoutAtMs: final.timeoutAtMs,
  }
  for (const each of results) {
    if (each.kind === 'missing' || each.record === undefined) {
      assert.equal(each.isKnown, false, `${where}: a call did not find what had been created before it`)
      continue
    }
    const mustBeSettled = each.kind === 'settle' || each.kind === 'wait'
    const known: DurableRecord = each.record.state === 'pending' && !mustBeSettled ? pending : final
    assert.deepEqual(each.record, known, `${where}: what a ${each.kind}() was told`)
  }
}

async function interleave(stores: readonly DurablePromiseStore[], seed: number, prefix: string): Promise<void> {
  const random = createRandom(seed)
  const ids = Array.from({ length: 1 + random(4) }, (_, index) => `${prefix}-${index}`)
  const created = new Set<string>()
  const calls = new Map(ids.map((id) => [id, [] as Promise<Result>[]]))
  const others: Promise<unknown>[] = []
  const record = (id: string, isWait: boolean, call: Promise<Told>): void => {
    const isKnown = created.has(id)
    const result = call.then((told): Result => {
      if (told.kind === 'create') created.add(id)
      return { ...told, isKnown }
    })
    calls.get(id)!.push(result)
    if (!isWait) others.push(result)
    // reported at the end
    else result.catch(() => {})
  }
  const count = 10 + random(40)
  for (let index = 0; index < count; index += 1) {
    const id = ids[random(ids.length)]!
    const store = stores[random(stores.length)]!
    if (random(5) === 0) record(id, true, waitFor(store, id))
    else record(id, false, callAtRandom(store, id, random))
    // lets some of them finish, so that later ones meet what they did
    if (random(4) === 0) await stores[0]!.get(id)
  }
  await Promise.all(others)
  for (const id of ids) {
    // nothing waits for ever: whatever was created is settled now
    record(id, false, settleTo(stores[0]!, { id, state: 'resolved', value: 'last' }))
    const results = await Promise.all(calls.get(id)!)
    checkHistory(results, await stores[0]!.get(id), `seed ${seed}, ${id}`)
  }
}

export function modelChecks({ capabilities, openSecond }: DurablePromiseStoreContractOptions): StoreCheckDefinition[] {
  const skipped = capabilities.shared && openSecond !== undefined ? undefined : 'it is not shared'
  // a fresh seed each run finds more; the failure names it
  const firstSeed = Date.now() % 1_000_000
  return [
    {
      name: 'tells the truth whatever the order of calls',
      async run({ open, settles }) {
        const store = await open()
        for (let round = 0; round < 20; round += 1) {
          const seed = firstSeed + round
          await settles(interleave([store], seed, `r${round}`), `the calls of seed ${seed}`)
        }
      },
    },
    {
      name: 'tells the truth whatever the order of calls in two processes',
      skipped,
      async run({ open, openSecond: another, settles }) {
        const first = await open()
        const stores = [first, await another(first)]
        for (let round = 0; round < 20; round += 1) {
          const seed = firstSeed + round
          await settles(interleave(stores, seed, `r${round}`), `the calls of seed ${seed}`)
        }
      },
    },
  ]
}
