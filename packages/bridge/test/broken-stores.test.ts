import { createMemoryStore, type DurablePromiseStore, type DurableRecord } from '@capsule/bridge'
import { createDurablePromiseStoreChecks, type StoreCheck } from '@capsule/bridge/testing'
import { expect, it } from 'vitest'

type Break = (
  store: DurablePromiseStore,
  others: { readonly records: Map<string, DurableRecord> },
) => Partial<DurablePromiseStore>

const capabilities = { name: 'memory', persistent: true, shared: true, enforcesTimeouts: true }

/** A memory store that is shared and persistent as far as this process goes, with some methods replaced. */
function checksOf(breakIt: Break = () => ({})): readonly StoreCheck[] {
  const kept = new Map<DurablePromiseStore, DurablePromiseStore>()
  const view = (memory: DurablePromiseStore): DurablePromiseStore => {
    const store: DurablePromiseStore = { ...memory, capabilities, ...breakIt(memory, { records: new Map() }) }
    kept.set(store, memory)
    return store
  }
  return createDurablePromiseStoreChecks({
    name: 'broken',
    capabilities,
    open: async (wishes = {}) => view(createMemoryStore(wishes)),
    openSecond: async (store) => view(kept.get(store)!),
    reopen: async (store) => view(kept.get(store)!),
    cut: async () => {},
    deadlineMs: 1500,
  })
}

interface Broken {
  readonly does: string
  /** The check that must fail. */
  readonly check: string
  readonly says: RegExp
  readonly break: Break
}

const broken: readonly Broken[] = [
  {
    does: 'tells every creator that it created',
    check: 'creates for exactly one',
    says: /30 calls were told that they created it/,
    break: (store) => ({ create: async (promise) => ({ ...(await store.create(promise)), created: true }) }),
  },
  {
    does: 'lets the last creator win',
    check: 'keeps the first of one id',
    says: /strict/,
    break: (store) => ({
      create: async (promise) => {
        const { record, created } = await store.create(promise)
        return { created, record: { ...record, param: promise.param! } }
      },
    }),
  },
  {
    does: 'loses the tags',
    check: 'gives back what it was created with',
    says: /strict/,
    break: (store) => ({ create: (promise) => store.create({ ...promise, tags: {} }) }),
  },
  {
    does: 'folds ids to lower case',
    check: 'takes every id',
    says: /^A$/m,
    break: (store) => ({ create: (promise) => store.create({ ...promise, id: promise.id.toLowerCase() }) }),
  },
  {
    does: 'takes everything for a promise',
    check: 'refuses what is no promise',
    says: /INVALID_OPTIONS was expected/,
    break: (store) => ({ create: (promise) => store.create({ ...promise, id: promise.id.replace(/\W/g, '') || 'a' }) }),
  },
  {
    does: 'makes what is settled',
    check: 'knows nothing of ids',
    says: /PROMISE_NOT_FOUND was expected/,
    break: (store) => ({
      settle: async (settlement) => {
        await store.create({ id: settlement.id, timeoutAtMs: Date.now() + 1000 })
        return store.settle(settlement)
      },
    }),
  },
  {
    does: 'ends texts at NUL',
    check: 'keeps every text, exactly',
    says: /nul/,
    break: (store) => ({
      settle: ({ value, ...settlement }) => store.settle({ ...settlement, value: value!.split('\0')[0]! }),
    }),
  },
  {
    does: 'cuts large values',
    check: 'keeps 1 MiB',
    says: /gives it back/,
    break: (store) => ({
      settle: ({ value, ...settlement }) => store.settle({ ...settlement, value: value!.slice(0, 65_536) }),
    }),
  },
  {
    does: 'settles canceled as rejected',
    check: 'settles to each state',
    says: /strict/,
    break: (store) => ({
      settle: (settlement) =>
        store.settle({ ...settlement, state: settlement.state === 'canceled' ? 'rejected' : settlement.state }),
    }),
  },
  {
    does: 'tells every settler that it settled',
    check: 'is settled by exactly one',
    says: /30 calls were told that they settled it/,
    break: (store) => ({ settle: async (settlement) => ({ ...(await store.settle(settlement)), applied: true }) }),
  },
  {
    does: 'tells those with the same value that they settled',
    check: 'keeps the first settlement',
    says: /another one/,
    break: (store) => ({
      settle: async (settlement) => {
        const { record } = await store.settle(settlement)
        return { record, applied: record.value === settlement.value && record.state === settlement.state }
      },
    }),
  },
  {
    does: 'settles the children too',
    check: 'leaves other promises alone',
    says: /strict/,
    break: (store) => ({
      settle: async (settlement) => {
        await store.settle({ ...settlement, id: `${settlement.id}.b` }).catch(() => {})
        return store.settle(settlement)
      },
    }),
  },
  {
    does: 'does not look at signals',
    check: 'does nothing when the signal has fired',
    says: /CANCELLED was expected/,
    break: (store) => ({ create: (promise) => store.create(promise) }),
  },
  {
    does: 'tells only the first who waits',
    check: 'tells everyone who waits',
    says: /took longer/,
    break: (store) => {
      const waiting = new Set<string>()
      return {
        wait: (id, options) => {
          if (waiting.has(id)) return new Promise(() => {})
          waiting.add(id)
          return store.wait(id, options)
        },
      }
    },
  },
  {
    does: 'rejects waits of what was rejected',
    check: 'resolves also when',
    says: /no value/,
    break: (store) => ({
      wait: async (id) => {
        const record = await store.wait(id)
        if (record.state === 'rejected') throw new Error('no value')
        return record
      },
    }),
  },
  {
    does: 'does not wait',
    check: 'waits while nothing settles it',
    says: /strict/,
    break: (store) => ({ wait: async (id) => (await store.get(id))! }),
  },
  {
    does: 'ends all waits with one signal',
    check: 'ends the wait whose signal fires, and no other',
    says: /cancelled/,
    break: (store) => {
      let shared: AbortSignal | undefined
      const all = new AbortController()
      return {
        wait: (id, options) => {
          shared = options?.signal
          shared?.addEventListener('abort', () => all.abort())
          return store.wait(id, { signal: all.signal })
        },
      }
    },
  },
  {
    does: 'forgets a promise whose wait was aborted',
    check: 'can be waited for again',
    says: /took longer/,
    break: (store) => {
      let isAborted = false
      return {
        wait: (id, options) => {
          if (isAborted) return new Promise(() => {})
          options?.signal?.addEventListener('abort', () => (isAborted = true))
          return store.wait(id, options)
        },
      }
    },
  },
  {
    does: 'waits for a hundred',
    check: 'waits for many',
    says: /took longer/,
    break: (store) => {
      let count = 0
      return { wait: (id) => (++count > 100 ? new Promise(() => {}) : store.wait(id)) }
    },
  },
  {
    does: 'times nothing out',
    check: 'times out what is pending',
    says: /took longer/,
    break: (store) => ({ create: (promise) => store.create({ ...promise, timeoutAtMs: promise.timeoutAtMs + 1e7 }) }),
  },
  {
    does: 'times out too late',
    check: 'times out at the right time',
    says: /strict/,
    break: (store) => ({ create: (promise) => store.create({ ...promise, timeoutAtMs: promise.timeoutAtMs + 500 }) }),
  },
  {
    does: 'times out only what somebody waits for',
    check: 'times out also when nobody waits',
    says: /strict/,
    break: (store) => ({
      create: (promise) =>
        store.create(promise.id === 'a' ? { ...promise, timeoutAtMs: promise.timeoutAtMs + 1e7 } : promise),
    }),
  },
  {
    does: 'gives a second chance to what comes too late',
    check: 'is timed out from the start',
    says: /strict/,
    break: (store) => ({
      create: (promise) => store.create({ ...promise, timeoutAtMs: Math.max(promise.timeoutAtMs, Date.now() + 1000) }),
    }),
  },
  {
    does: 'times out what was settled in time',
    check: 'leaves alone what was settled in time',
    says: /strict/,
    break: (store) => ({
      get: async (id) => {
        const record = await store.get(id)
        return record && record.timeoutAtMs <= Date.now() ? { ...record, state: 'timedout' } : record
      },
    }),
  },
  {
    does: 'claims more than it can',
    check: 'says what it can do',
    says: /strict/,
    break: () => ({ capabilities: { ...capabilities, name: 'other' } }),
  },
  {
    does: 'leaves waits pending when it is closed',
    check: 'rejects what waits when it is closed',
    says: /took longer/,
    break: () => ({ close: async () => {} }),
  },
  {
    does: 'hangs when it is closed twice',
    check: 'closes any number of times',
    says: /took longer/,
    break: (store) => {
      let isClosed = false
      const close = (): Promise<void> => {
        if (isClosed) return new Promise(() => {})
        isClosed = true
        return store.close()
      }
      return { close, [Symbol.asyncDispose]: close }
    },
  },
  {
    does: 'never answers what was called before it was closed',
    check: 'leaves no call pending',
    says: /took longer/,
    break: (store) => ({ get: () => new Promise(() => {}), close: () => store.close() }),
  },
  {
    does: 'keeps everything',
    check: 'keeps no more settled promises',
    says: /strict/,
    break: () => methodsOf(createMemoryStore()),
  },
  {
    does: 'forgets everything when it ends',
    check: 'finds everything again after a restart',
    says: /strict/,
    break: () => methodsOf(createMemoryStore()),
  },
  {
    does: 'tells nobody in another process',
    check: 'tells those who wait what another process settled',
    says: /took longer/,
    break: (store) => {
      const own = createMemoryStore()
      return {
        create: async (promise) => {
          await own.create(promise)
          return store.create(promise)
        },
        settle: async (settlement) => {
          await own.settle(settlement).catch(() => {})
          return store.settle(settlement)
        },
        wait: async (id) => {
          const record = await store.get(id)
          await own.create({ id, timeoutAtMs: record!.timeoutAtMs })
          return own.wait(id)
        },
      }
    },
  },
  {
    does: 'lets each process create and settle on its own',
    check: 'lets one of two processes create and one settle',
    says: /strict/,
    break: () => methodsOf(createMemoryStore()),
  },
  {
    does: 'is told nothing that happened while it was cut off',
    check: 'goes on after its connections were cut',
    says: /took longer/,
    break: (store) => {
      const waits = new Set<string>()
      return {
        wait: (id) => {
          if (id === 'a') waits.add(id)
          return waits.has(id) ? new Promise(() => {}) : store.wait(id)
        },
      }
    },
  },
  {
    does: 'now and then does not find what is there',
    check: 'tells the truth whatever the order of calls',
    says: /did not find what had been created|whether it is there/,
    break: (store) => {
      let count = 0
      return { get: async (id) => (++count % 20 === 0 ? undefined : store.get(id)) }
    },
  },
  {
    does: 'now and then tells a pending promise to one who waits',
    check: 'tells the truth whatever the order of calls in two processes',
    says: /what a wait\(\) was told/,
    break: (store) => {
      let count = 0
      return {
        wait: async (id) => {
          const record = await store.get(id)
          // few of the waits at random come while it is pending
          return record?.state === 'pending' && ++count % 2 === 0 ? record : store.wait(id)
        },
      }
    },
  },
  {
    does: 'sets one timer to whatever time is left',
    check: 'waits for what ends as far',
    says: /timer/,
    break: (store) => ({
      create: (promise) => {
        const leftMs = promise.timeoutAtMs - Date.now()
        return store.create({ ...promise, timeoutAtMs: leftMs > 2 ** 31 - 1 ? Date.now() + 1 : promise.timeoutAtMs })
      },
    }),
  },
  {
    does: 'remembers what the first wait was told',
    check: 'tells one who waits for what there is now',
    says: /there is no durable promise/,
    break: (store) => {
      const waits = new Map<string, Promise<DurableRecord>>()
      return {
        wait: (id) => {
          const waiting = waits.get(id) ?? store.wait(id)
          waits.set(id, waiting)
          return waiting
        },
      }
    },
  },
  {
    does: 'never ends a call whose signal fires',
    check: 'ends calls whose signal fires meanwhile',
    says: /took longer/,
    break: (store) => ({
      settle: (settlement, options) => {
        const settling = store.settle(settlement)
        return options === undefined ? settling : new Promise(() => {})
      },
    }),
  },
  {
    does: 'begins to listen after it has looked',
    check: 'misses nothing of what another process settles',
    says: /took longer/,
    break: (store) => {
      const own = createMemoryStore()
      let waits = 0
      return {
        create: async (promise) => {
          await own.create(promise)
          return store.create(promise)
        },
        wait: (id) => (++waits > 32 ? own.wait(id) : store.wait(id)),
      }
    },
  },
  {
    does: 'tells of a timeout that is not written',
    check: 'says one thing to everyone',
    says: /^p-\d/,
    break: (store) => ({
      create: (promise) => store.create({ ...promise, timeoutAtMs: promise.timeoutAtMs + 1000 }),
      get: async (id) => {
        const record = await store.get(id)
        const timeoutAtMs = (record?.timeoutAtMs ?? 0) - 1000
        const isLate = record?.state === 'pending' && timeoutAtMs <= Date.now()
        return isLate ? { ...record, state: 'timedout', settledAtMs: timeoutAtMs } : record
      },
    }),
  },
]

function methodsOf(store: DurablePromiseStore): Partial<DurablePromiseStore> {
  const { capabilities: told, ...methods } = store
  expect(told).toBeDefined()
  return methods
}

it.concurrent.each(broken)(
  'is caught: a store that $does',
  { timeout: 60_000 },
  async ({ check, says, break: breakIt }) => {
    const [found] = checksOf(breakIt).filter(({ name }) => name.startsWith(check))
    expect(found?.skipped).toBeUndefined()
    const error: unknown = await found!.run().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(String((error as Error | undefined)?.message)).toMatch(says)
  },
)

it('has a broken store for each check, which the unbroken one passes', { timeout: 60_000 }, async () => {
  const checks = checksOf()
  const unproven = checks.filter(({ name }) => !broken.some(({ check }) => name.startsWith(check)))
  expect(unproven.map(({ name }) => name)).toEqual([])
  for (const { run } of checks) await run()
})
