// one host of a kill test: executes the job of its round, and ends itself with SIGKILL where it is told to
import { once } from 'node:events'
import { appendFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DurablePromiseStore } from '@capsule/bridge'
import { createCapsule } from '@capsule/host'
import { defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'
import type { BookLine, DatabasePoint, HostOrders, KillDatabase, KillPoint } from './kill-points.ts'
import { storeOfEnvironment } from './open-store.ts'

const orders = JSON.parse(process.argv[2] ?? '') as HostOrders
const { folder, host } = orders
const write = (line: BookLine): void => appendFileSync(join(folder, 'book.jsonl'), `${JSON.stringify(line)}\n`)

function at(point: KillPoint): void {
  if (orders.killAt !== point) return
  write({ type: 'killed', host, at: point })
  process.kill(process.pid, 'SIGKILL')
}

let isDatabaseToDie = true
/** Resolves when the database is gone; it comes back while this host goes on. */
async function databaseAt(point: DatabasePoint): Promise<void> {
  if (orders.killAt !== point || !isDatabaseToDie) return
  isDatabaseToDie = false
  process.send?.({ type: 'kill-database' } satisfies KillDatabase)
  await once(process, 'message')
}

/** Ends the host or its database around the calls of the store that carry each step. */
function doomed(store: DurablePromiseStore): DurablePromiseStore {
  const kindOf = (id: string): string =>
    /:attempt\.\d+\.\d+$/.test(id) ? 'lease' : (/:(input|call|attempt)\./.exec(id)?.[1] ?? 'execution')
  return {
    capabilities: store.capabilities,
    get: (id, options) => store.get(id, options),
    wait: (id, options) => store.wait(id, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
    async create(promise, options) {
      const kind = kindOf(promise.id)
      if (kind === 'execution') {
        at('before-create')
        await databaseAt('database-before-create')
      }
      if (kind === 'attempt') await databaseAt('database-before-send')
      const created = await store.create(promise, options)
      if (kind === 'attempt' && created.created) write({ type: 'attempt', host, id: promise.id })
      if (kind === 'attempt') at('before-send')
      return created
    },
    async settle(settlement, options) {
      const kind = kindOf(settlement.id)
      if (kind === 'input') at('before-answer-saved')
      if (kind === 'call') at('before-call-saved')
      if (kind === 'execution') at('before-outcome-saved')
      if (kind === 'input') await databaseAt('database-before-answer-saved')
      if (kind === 'call') await databaseAt('database-before-call-saved')
      if (kind === 'execution') await databaseAt('database-before-outcome-saved')
      const settled = await store.settle(settlement, options)
      if (kind !== 'lease') write({ type: 'saved', host, id: settlement.id, state: settled.record.state })
      if (kind === 'input') at('answered')
      if (kind === 'call') at('called')
      if (kind === 'execution') at('before-reply')
      return settled
    },
  }
}

const attempt = z.strictObject({ attempt: z.number() })
const ledger = defineProvider({
  name: 'ledger',
  specificationVersion: 'v1',
  capabilities: {
    book: {
      summary: 'Writes one line into the book.',
      input: attempt,
      output: z.string(),
      positional: ['attempt'],
      handler: async ({ attempt: n }, { idempotencyKey = '' }) => {
        write({ type: 'effect', host, attempt: n, key: idempotencyKey })
        at('mid-call')
        return `booked by ${host}`
      },
    },
  },
})

const code = `
const attempt = Number(process.env.CAPSULE_DURABLE_ATTEMPT)
console.log('in')
const name = await input('Name? ')
const first = await caps.ledger.book(0, { idempotencyKey: 'once' })
await caps.ledger.book(attempt)
const year = await input('Year? ')
;({ name, first, year, attempt })
`

const store = doomed(await storeOfEnvironment())
const capsule = await createCapsule({
  isolation: 'process',
  durable: { store, ...(orders.leaseMs !== undefined && { leaseMs: orders.leaseMs }) },
  session: { env: { CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' } },
})
const killWorker = (): void => {
  const pid = capsule.sessions[0]?.info().worker?.pid
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}
let isWorkerToDie = true
const result = await capsule.durable.execute({
  id: 'job',
  code,
  session: { capabilities: [ledger] },
  onEvent(event) {
    if (event.type !== 'output') return
    at('mid-cell')
    if (orders.killAt === 'worker-mid-cell' && isWorkerToDie) killWorker()
    isWorkerToDie = false
  },
  async onInput(_prompt, { n }) {
    write({ type: 'asked', host, n })
    at('asked')
    if (orders.killAt === 'worker-asked') killWorker()
    return `answer ${n} of ${host}`
  },
})
writeSync(1, JSON.stringify(result))
await capsule.shutdown()
