// one of several hosts that share a store: executes the job, tells its parent each step, and has its answers from it
import { once } from 'node:events'
import type { BridgeInfo, DurablePromiseStore, DurableResult } from '@capsule/bridge'
import { createCapsule } from '@capsule/host'
import { defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'
import { storeOfEnvironment } from './open-store.ts'

export type SharedHostStep =
  /** It waits for the lease of another host to end. */
  | { readonly type: 'waits' }
  /** Its cell runs in this process, and asks. */
  | { readonly type: 'asks'; readonly workerPid: number | undefined }
  /** Its cell has been stopped. */
  | { readonly type: 'stopped' }
  | { readonly type: 'effect'; readonly attempt: number }
  | { readonly type: 'told'; readonly result: DurableResult; readonly counters: BridgeInfo['counters'] }

const { leaseMs } = JSON.parse(process.argv[2] ?? '') as { leaseMs: number }
const say = (step: SharedHostStep): void => void process.send?.(step)

const store = await storeOfEnvironment()
const telling: DurablePromiseStore = {
  capabilities: store.capabilities,
  create: (promise, options) => store.create(promise, options),
  get: (id, options) => store.get(id, options),
  settle: (settlement, options) => store.settle(settlement, options),
  wait(id, options) {
    if (/:attempt\.\d+\.\d+$/.test(id)) say({ type: 'waits' })
    return store.wait(id, options)
  },
  close: () => store.close(),
  [Symbol.asyncDispose]: () => store.close(),
}
const ledger = defineProvider({
  name: 'ledger',
  specificationVersion: 'v1',
  capabilities: {
    book: {
      summary: 'Tells the parent.',
      input: z.strictObject({ attempt: z.number() }),
      output: z.null(),
      positional: ['attempt'],
      handler: async ({ attempt }) => {
        say({ type: 'effect', attempt })
        return null
      },
    },
  },
})
const code = `
const attempt = Number(process.env.CAPSULE_DURABLE_ATTEMPT)
const name = await input('Name? ')
await caps.ledger.book(attempt)
;({ name, attempt })
`

const capsule = await createCapsule({
  isolation: 'process',
  durable: { store: telling, leaseMs },
  session: { env: { CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' } },
})
const result = await capsule.durable.execute({
  id: 'job',
  code,
  session: { capabilities: [ledger] },
  async onInput(_prompt, { signal }) {
    signal.addEventListener('abort', () => say({ type: 'stopped' }), { once: true })
    say({ type: 'asks', workerPid: capsule.sessions[0]?.info().worker?.pid })
    const [answer] = (await once(process, 'message', { signal })) as [string]
    return answer
  },
})
say({ type: 'told', result, counters: capsule.durable.info().counters })
await capsule.shutdown()
await store.close()
