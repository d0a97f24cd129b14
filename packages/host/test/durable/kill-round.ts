import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DurableRecord, DurableResult } from '@capsule/bridge'
import type { PostgresServer } from '@capsule/testing'
import type { BookLine, DatabasePoint, KillPoint } from './kill-points.ts'
import { openStore, type StorePlace } from './open-store.ts'
import { runHost } from './run-host.ts'

export interface Round {
  /** Of the first host that told one. */
  readonly result: DurableResult
  /** What all others were told afterwards; the last of them is a host of its own. */
  readonly again: readonly DurableResult[]
  readonly book: readonly BookLine[]
  readonly hosts: number
  /** As the store has them at the end. */
  readonly attempts: readonly DurableRecord[]
  readonly databaseKills: number
  readonly isShared: boolean
}

/** Where it ends, or after how many ms. */
export type Death = KillPoint | DatabasePoint | number | { readonly databaseAfterMs: number }

export interface RoundPlan {
  /** On this server, or in a file. */
  readonly server?: PostgresServer
  /** One host after the other. */
  readonly deaths: readonly Death[]
}

// unit: ms; longer than a database is away, so that a host that lives keeps its attempt
const leaseMs = 2000
let rounds = 0

/** One job through several hosts, each killed on its way or robbed of its database, until one comes to the end; then asked for once more. */
export async function runRound({ server, deaths }: RoundPlan): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-durable-'))
  const place: StorePlace =
    server === undefined
      ? { name: 'sqlite', folder }
      : { name: 'postgres', connection: server.connection, schema: `round ${++rounds} of ${process.pid}` }
  const told: DurableResult[] = []
  let host = 0
  let databaseKills = 0
  const run = async (death?: Death): Promise<boolean> => {
    const orders = { folder, host: host++, ...(server !== undefined && { leaseMs }) }
    const ran = await runHost({ orders, place, server, death })
    if (ran.result !== undefined) told.push(ran.result)
    databaseKills += ran.databaseKills
    return ran.result !== undefined
  }
  try {
    for (const death of deaths) await run(death)
    if (told.length === 0 && !(await run())) throw new Error('a host that nobody killed gave no result')
    const hosts = host
    if (!(await run())) throw new Error('a host that asked again was told nothing')
    const [result, ...again] = told as [DurableResult, ...DurableResult[]]
    const isShared = server !== undefined
    const [book, attempts] = [await readBook(folder), await readAttempts(place)]
    return { result, again, book, hosts, attempts, databaseKills, isShared }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readBook(folder: string): Promise<BookLine[]> {
  const file = join(folder, 'book.jsonl')
  if (!existsSync(file)) return []
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as BookLine)
}

/** Those of the job, from the first to the last that there is. */
export async function readAttempts(place: StorePlace): Promise<DurableRecord[]> {
  const store = await openStore(place)
  const attempts: DurableRecord[] = []
  try {
    for (;;) {
      const record = await store.get(`capsule-exec-job:attempt.${attempts.length + 1}`)
      if (record === undefined) return attempts
      attempts.push(record)
    }
  } finally {
    await store.close()
  }
}
