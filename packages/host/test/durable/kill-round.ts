import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DurableResult } from '@capsule/bridge'
import { waitFor } from '@capsule/testing'
import type { BookLine, HostOrders, KillPoint } from './kill-points.ts'

export interface Round {
  readonly result: DurableResult
  /** What another process is told afterwards. */
  readonly again: DurableResult
  readonly book: readonly BookLine[]
  readonly hosts: number
}

export interface RoundPlan {
  readonly store: string
  /** One host after the other; those with a number are ended after so many ms. The last one, which nobody ends, is added. */
  readonly deaths: readonly (KillPoint | number)[]
}

/** One job through several hosts, each killed on its way, until one comes to the end; then asked for once more. */
export async function runRound({ store, deaths }: RoundPlan): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-durable-'))
  try {
    let results: (DurableResult | undefined)[] = []
    for (const [host, death] of deaths.entries()) {
      const isPoint = typeof death === 'string'
      const orders = { folder, store, host, ...(isPoint && { killAt: death }) }
      results.push(await runHost(orders, isPoint ? undefined : death))
    }
    const result = await runHost({ folder, store, host: deaths.length })
    const again = await runHost({ folder, store, host: deaths.length + 1 })
    if (result === undefined || again === undefined) throw new Error('a host that nobody killed gave no result')
    return { result, again, book: await readBook(folder), hosts: deaths.length + 1 }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What it told; undefined: it was killed before. */
async function runHost(orders: HostOrders, killAfterMs?: number): Promise<DurableResult | undefined> {
  const program = join(import.meta.dirname, 'doomed-host.ts')
  // hosts that are killed leave the directories of their workers behind
  const env = { PATH: process.env['PATH'], TMPDIR: orders.folder, CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] }
  const args = ['--conditions=@capsule/source', program, JSON.stringify(orders)]
  const child: ChildProcess = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (more: string) => (text[name] += more))
  }
  const killer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  try {
    const [code, signal] = (await waitFor(once(child, 'close'), {
      deadlineMs: 90_000,
      what: `host ${JSON.stringify(orders)}`,
    })) as [number | null, string | null]
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`a host failed (${code}): ${text.stderr}`)
    return text.stdout === '' ? undefined : (JSON.parse(text.stdout) as DurableResult)
  } finally {
    clearTimeout(killer)
    child.kill('SIGKILL')
  }
}

async function readBook(folder: string): Promise<BookLine[]> {
  const file = join(folder, 'book.jsonl')
  if (!existsSync(file)) return []
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as BookLine)
}
