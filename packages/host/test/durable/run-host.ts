import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { DurableResult } from '@capsule/bridge'
import { type PostgresServer, waitFor } from '@capsule/testing'
import type { HostOrders, KillDatabase } from './kill-points.ts'
import type { Death } from './kill-round.ts'
import { storeEnvironment, type StorePlace } from './open-store.ts'

export interface HostPlan {
  readonly orders: HostOrders
  readonly place: StorePlace
  readonly server: PostgresServer | undefined
  readonly death: Death | undefined
}

export interface HostRun {
  /** What it told; undefined: it was killed before. */
  readonly result: DurableResult | undefined
  readonly databaseKills: number
}

/** One host until its end, whoever makes it. */
export async function runHost({ orders, place, server, death }: HostPlan): Promise<HostRun> {
  const killAt = typeof death === 'string' ? death : undefined
  const child = startHost('doomed-host.ts', { ...orders, killAt }, { place, folder: orders.folder })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (more: string) => (text[name] += more))
  }
  const restarts: Promise<void>[] = []
  const restart = async (onGone: () => void): Promise<void> => {
    await server?.kill()
    onGone()
    await server?.start()
  }
  child.on('message', ({ type }: KillDatabase) => {
    if (type === 'kill-database') restarts.push(restart(() => child.send('it is gone')))
  })
  const callOff = killLater(death, {
    host: () => child.kill('SIGKILL'),
    database: () => restarts.push(restart(() => {})),
  })
  try {
    const what = `host ${JSON.stringify({ orders, death })}`
    const [code, signal] = (await waitFor(once(child, 'close'), { deadlineMs: 90_000, what })) as [
      number | null,
      string | null,
    ]
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`a host failed (${code}): ${text.stderr}`)
    const result = text.stdout === '' ? undefined : (JSON.parse(text.stdout) as DurableResult)
    return { result, databaseKills: restarts.length }
  } finally {
    callOff()
    child.kill('SIGKILL')
    await Promise.all(restarts)
  }
}

/** Kills when its moment comes; calls it off. */
function killLater(death: Death | undefined, kill: { host: () => void; database: () => void }): () => void {
  const timers =
    typeof death === 'number'
      ? [setTimeout(kill.host, death)]
      : typeof death === 'object'
        ? [setTimeout(kill.database, death.databaseAfterMs)]
        : []
  return () => timers.forEach((timer) => clearTimeout(timer))
}

/** A host that runs one of the programs here; its parent ends it. */
export function startHost(
  program: string,
  orders: object,
  { place, folder }: { place: StorePlace; folder: string },
): ChildProcess {
  // hosts that are killed leave the directories of their workers behind
  const env = {
    PATH: process.env['PATH'],
    TMPDIR: folder,
    CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'],
    ...storeEnvironment(place),
  }
  const args = ['--conditions=@capsule/source', join(import.meta.dirname, program), JSON.stringify(orders)]
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
}
