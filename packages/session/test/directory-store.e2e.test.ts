import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createDirectoryCheckpointStore, openCheckpoint, sealCheckpoint } from '@capsule/session'

const deadlineMs = 20_000

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'capsule-store-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

interface SavingHost {
  readonly child: ChildProcess
  /** The ids whose save has resolved, once the process is gone. */
  readonly saved: Promise<string[]>
}

function startHost(...args: string[]): SavingHost {
  const run = process.env['CAPSULE_TEST_RUN']
  const script = join(import.meta.dirname, 'fixtures/saving-host.ts')
  const child = spawn(process.execPath, ['--conditions=@capsule/source', '--no-warnings', script, ...args], {
    env: run === undefined ? {} : { CAPSULE_TEST_RUN: run },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return { child, saved: once(child, 'close').then(() => text.split('\n').filter(Boolean)) }
}

/** Kills when so many changes of the directory were seen: a temporary file made, written, renamed. */
async function killAtChange(path: string, changes: number, { child, saved }: SavingHost): Promise<string[]> {
  let seen = 0
  const watcher = watch(path, () => ++seen === changes && child.kill('SIGKILL'))
  try {
    const ids = await waitFor(saved, { deadlineMs, what: `the end of the child at change ${changes}` })
    expect(child.signalCode).toBe('SIGKILL')
    return ids
  } finally {
    watcher.close()
  }
}

/** Loads every checkpoint that is listed; their ids. */
async function loadAll(path: string): Promise<string[]> {
  const store = createDirectoryCheckpointStore({ path })
  const summaries = await store.list()
  for (const { id, payloadBytes } of summaries) {
    const { checkpoint, payload } = await openCheckpoint((await store.load(id))!.bytes)
    expect([checkpoint.id, payload.length]).toEqual([id, payloadBytes])
  }
  return summaries.map(({ id }) => id)
}

it('keeps what was saved, and nothing in part, when the process is killed at any moment', async () => {
  const path = await newDirectory()
  const leftovers = async (): Promise<string[]> => (await readdir(path)).filter((name) => name.endsWith('.tmp'))
  const saved: string[] = []
  // goes on until one was killed in the middle of a save: else it has shown nothing
  for (let round = 1; round <= 8 || (await leftovers()).length === 0; round++) {
    const changes = round <= 4 ? round : randomInt(5, 60)
    saved.push(...(await killAtChange(path, changes, startHost(path, `round-${round}`, '1000'))))
    const ids = await loadAll(path)
    expect(ids, `killed at change ${changes}`).toEqual(expect.arrayContaining(saved))
    expect((await readdir(path)).length).toBe(ids.length + (await leftovers()).length)
  }
  expect(saved.length).toBeGreaterThan(0)

  const anHourAgo = Date.now() / 1000 - 3600
  for (const name of await leftovers()) await utimes(join(path, name), anHourAgo, anHourAgo)
  const facts = { id: 'next', sessionId: 's', createdAtMs: 1, cell: 1, nodeVersion: '24.0.0', snapshotVersion: 1 }
  const checkpoint = await sealCheckpoint({ ...facts, report: [], payload: new Uint8Array(10) })
  await createDirectoryCheckpointStore({ path }).save(checkpoint)
  expect(await leftovers()).toEqual([])
  expect(await loadAll(path)).toEqual(expect.arrayContaining([...saved, 'next']))
}, 120_000)

it('serves two processes at once', async () => {
  const path = await newDirectory()
  const hosts = ['left', 'right'].map((prefix) => startHost(path, prefix, '25', '6'))
  for (const { saved } of hosts) expect(await waitFor(saved, { deadlineMs })).toHaveLength(25)
  const ids = await loadAll(path)
  // the newest of both, and of the slower one what it saved last
  expect(ids.slice(0, 6)).toEqual(['right-24', 'left-24', 'right-23', 'left-23', 'right-22', 'left-22'])
  expect(await readdir(path)).toHaveLength(ids.length)
}, 60_000)
