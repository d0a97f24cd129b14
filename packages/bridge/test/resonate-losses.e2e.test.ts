import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findPort, waitForEvent } from '@capsule/testing'
import { afterAll, beforeAll } from 'vitest'
import { createResonateDistributor } from '../src/resonate.ts'
import { describeLosses } from './fixtures/describe-losses.ts'

const program = join(import.meta.dirname, 'fixtures/resonate-server.ts')
const leaseMs = 1000

/** The test server in a process of its own, with a journal that outlives it. */
class ResonateProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'capsule-resonate-'))
  readonly #port: number
  #child: ChildProcess | undefined

  constructor(port: number) {
    this.#port = port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const options = JSON.stringify({ port: this.#port, journal: join(this.#folder, 'journal') })
    this.#child = spawn(process.execPath, ['--conditions=@capsule/source', program, options], {
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await waitForEvent(createInterface(this.#child.stdout!), 'line', {
      deadlineMs: 15_000,
      what: 'the server to listen',
    })
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

let server: ResonateProcess
beforeAll(async () => {
  server = new ResonateProcess(await findPort())
  await server.start()
}, 20_000)
afterAll(async () => {
  await server.kill()
  server.remove()
})

// the server brings the task to the silent host's open stream again, and to the next one 30 s later
describeLosses('resonate', { noticesSilence: false }, () => {
  const { url } = server
  return {
    createDispatcher: () => createResonateDistributor({ url, leaseMs }),
    hostChoice: () => Promise.resolve({ engine: 'resonate', options: { url, leaseMs } }),
    kill: () => server.kill(),
    start: () => server.start(),
  }
})
