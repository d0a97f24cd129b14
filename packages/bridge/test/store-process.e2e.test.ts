import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createSqliteStore } from '@capsule/bridge'
import {
  createRecorder,
  hasPostgres,
  postgresMissing,
  type Recorder,
  startPostgres,
  waitForEvent,
} from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startResonateServer } from './fixtures/resonate-server.ts'

const file = join(import.meta.dirname, 'fixtures/store-process.ts')
// a process that only starts takes its time on a busy machine
const deadlineMs = 20_000

interface Host {
  readonly child: ChildProcess
  readonly lines: Recorder<string>
  /** Its exit code and signal. */
  readonly exited: Promise<unknown[]>
}

function startHost(mode: string, kind: string, where: string): Host {
  const args = ['--conditions=@capsule/source', file, mode, kind, where]
  const child = spawn(process.execPath, args, { env: { TMPDIR: tmpdir() }, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createRecorder<string>()
  createInterface({ input: child.stdout! }).on('line', lines.record)
  return { child, lines, exited: waitForEvent(child, 'close', { deadlineMs, what: 'the end of the host' }) }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const places: Record<string, () => Promise<string>> = {
  memory: async () => '',
  embedded: async () => '',
  sqlite: async () => join(temporaryFolder(), 'promises.db'),
  async http() {
    const server = await startResonateServer()
    onTestFinished(() => server.stop())
    return server.url
  },
  async postgres() {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    return JSON.stringify(server.connection)
  },
}

describe.each(Object.keys(places))('a process with a store: %s', (kind) => {
  const isMissing = kind === 'postgres' && !hasPostgres
  const title = isMissing ? ` (${postgresMissing})` : ''

  it.skipIf(isMissing)(
    `ends on its own when it waits for nothing, without closing the store${title}`,
    async () => {
      const { lines, exited } = startHost('idle', kind, await places[kind]!())
      expect(await exited).toEqual([0, null])
      expect(lines.values).toEqual(['idle'])
    },
    30_000,
  )

  it.skipIf(isMissing)(
    `stays alive while it waits${title}`,
    async () => {
      const { lines, exited } = startHost('wait', kind, await places[kind]!())
      expect(await exited).toEqual([0, null])
      expect(lines.values).toEqual(['timedout'])
    },
    30_000,
  )
})

describe('sqlite and kill -9', () => {
  it('keeps everything that was acknowledged, and frees the file', async () => {
    const path = join(temporaryFolder(), 'promises.db')
    for (let round = 0; round < 6; round += 1) {
      const { child, lines, exited } = startHost('write', 'sqlite', path)
      await lines.waitForCount(1, { deadlineMs })
      // a second process is told, whenever it comes
      await expect(createSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_IN_USE' })
      await lines.waitForCount(1 + Math.floor(Math.random() * 2000), { deadlineMs })
      child.kill('SIGKILL')
      expect(await exited).toEqual([null, 'SIGKILL'])
      const store = await createSqliteStore({ path })
      expect(new Set(lines.values).size).toBe(lines.values.length)
      for (const line of lines.values) {
        const [what, index] = line.split(' ')
        const record = await store.get(`p-${child.pid}-${index}`)
        const settled = what === 'settled' ? { state: 'resolved', value: `value ${index}` } : {}
        expect(record).toMatchObject({ param: `param ${index}`, ...settled })
      }
      await store.close()
    }
  }, 120_000)
})
