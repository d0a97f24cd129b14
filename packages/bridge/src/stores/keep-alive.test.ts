import { queryObjects } from 'node:v8'
import { MessagePort } from 'node:worker_threads'
import { coreErrors, systemClock } from '@capsule/core'
import { expect, it } from 'vitest'
import { createBridge } from '../create-bridge.ts'
import { createMemoryStore } from './memory-store.ts'
import { createOpenCalls } from './open-calls.ts'
import { withRetries } from './retries.ts'

/** How many there are more after `work`, which a closed one is not, some turns of the event loop later. */
async function countNewPorts(work: () => Promise<unknown>): Promise<number> {
  const before = queryObjects(MessagePort, { format: 'count' })
  await work()
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => void setImmediate(resolve))
  return queryObjects(MessagePort, { format: 'count' }) - before
}

it('leaves nothing behind of calls that were tried again', async () => {
  const open = createOpenCalls()
  const fails = (): Promise<never> => Promise.reject(coreErrors.TIMED_OUT({ what: 'it', timeoutMs: 1 }))
  const callThatFails = (): Promise<unknown> =>
    open.run('get()', undefined, (call) =>
      withRetries({ clock: systemClock, retryMs: 60, call, isTransient: () => true }, fails),
    )
  const calls = (): Promise<unknown> => Promise.allSettled(Array.from({ length: 20 }, callThatFails))
  // what the engine has in its hands is one or two
  expect(await countNewPorts(calls)).toBeLessThan(5)
})

it('leaves nothing behind of stores that are closed', async () => {
  const openAndClose = async (): Promise<void> => {
    const store = createMemoryStore()
    await store.create({ id: 'a', timeoutAtMs: Date.now() + 60_000 })
    const waiting = store.wait('a').catch(() => {})
    await store.close()
    await waiting
  }
  const stores = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, openAndClose))
  expect(await countNewPorts(stores)).toBeLessThan(5)
})

it('leaves nothing behind of bridges that are closed', async () => {
  await using store = createMemoryStore()
  const bridges = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 20 }, () => createBridge({ store }).close({ reason: 'done' })))
  expect(await countNewPorts(bridges)).toBeLessThan(5)
})
