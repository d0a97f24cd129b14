import {
  type Bridge,
  createBridge,
  createDurableExecutions,
  type CreateDurableExecutionsOptions,
  type DurableExecutions,
  type DurablePromiseStore,
} from '@capsule/bridge'
import { createCountingIds } from '@capsule/core'
import { type CapabilityGrants, createSession } from '@capsule/session'
import { createScriptedWorker, type ScriptedProcess, type ScriptedWorkerOptions } from '@capsule/session/testing'
import { type FakeClock, waitFor } from '@capsule/testing'
import { onTestFinished } from 'vitest'

export interface DurableHost {
  readonly bridge: Bridge
  readonly durable: DurableExecutions
  /** Of each attempt. */
  readonly workers: readonly ScriptedProcess[]
  /** The worker of the n-th attempt of this host, once its cell was sent; acknowledged. */
  worker(n?: number): Promise<{ process: ScriptedProcess; executionId: string }>
  /** From now on the store does not hear of this host. */
  die(): void
}

export interface DurableHostOptions extends Partial<CreateDurableExecutionsOptions> {
  readonly store: DurablePromiseStore
  readonly clock: FakeClock
  readonly name?: string
  readonly script?: ScriptedWorkerOptions['script']
  readonly grants?: CapabilityGrants
  readonly storeRetryMs?: number
}

/** One host over scripted workers. Several over one store are as several processes, and one of them can die. */
export function openHost({
  store,
  clock,
  name = 'one',
  script,
  grants,
  storeRetryMs = 1000,
  ...more
}: DurableHostOptions): DurableHost {
  let isDead = false
  const lively =
    <A, B, R>(call: (first: A, second: B) => Promise<R>) =>
    async (first: A, second: B): Promise<R> => {
      if (isDead) return new Promise(() => {})
      const result = await call(first, second)
      return isDead ? new Promise(() => {}) : result
    }
  const mortal: DurablePromiseStore = {
    ...store,
    create: lively((promise, options) => store.create(promise, options)),
    get: lively((id, options) => store.get(id, options)),
    settle: lively((settlement, options) => store.settle(settlement, options)),
    wait: lively((id, options) => store.wait(id, options)),
  }
  const counting = createCountingIds()
  const ids = { next: (kind: string) => `${counting.next(kind)}-of-${name}` }
  const bridge = createBridge({ store: mortal, clock, ids, storeRetryMs })
  const workers: ScriptedProcess[] = []
  const waiting = new Set<() => void>()
  const durable = createDurableExecutions({
    bridge,
    openSession: async ({ guard, signal }) => {
      const worker = createScriptedWorker(script && { script })
      const session = await createSession({
        connect: worker.connect,
        clock,
        ids,
        signal,
        ...(grants && { grants: guard(grants) }),
      })
      workers.push(worker.process)
      for (const resolve of waiting) resolve()
      onTestFinished(() => session.shutdown({ graceMs: 0 }))
      return session
    },
    ...more,
  })
  onTestFinished(() => void bridge.close())
  return {
    bridge,
    durable,
    workers,
    async worker(n = 1) {
      while (workers.length < n) await waitFor(new Promise<void>((resolve) => waiting.add(resolve)))
      const process = workers[n - 1] as ScriptedProcess
      const { executionId } = await waitFor(process.next('execute'))
      process.ack(executionId)
      return { process, executionId }
    },
    die: () => (isDead = true),
  }
}
