import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createCapsule } from '@capsule/host'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { availableLevels } from './available-levels.ts'

const run = promisify(execFile)
const levels = await availableLevels(['process', 'permission', 'os'])

it('starts workers with nothing of the host in them', async () => {
  const capsule = await createCapsule({ isolation: 'process' })
  onTestFinished(() => capsule.shutdown())
  const session = await capsule.createSession({ env: { GIVEN: '1' }, modules: true })
  const { outcome } = await session.run(`const { readdirSync } = await import('node:fs')
;[process.env, readdirSync('.'), process.execArgv.filter((flag) => flag.includes('inspect'))]`)
  expect(outcome.value).toEqual([{ GIVEN: '1' }, [], []])
})

it('caps the heap and says that it ran out', async () => {
  const capsule = await createCapsule({ isolation: 'process' })
  onTestFinished(() => capsule.shutdown())
  const session = await capsule.createSession({ maxHeapMb: 32 })
  const { outcome } = await session.run('const all = []; for (;;) all.push(new Array(1000).fill(all.length))')
  expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', error: { code: 'WORKER_OUT_OF_MEMORY' } })
})

it('rejects when Node is not where nodePath says', async () => {
  const capsule = await createCapsule({ nodePath: '/nowhere/node', isolation: 'process' })
  onTestFinished(() => capsule.shutdown())
  await expect(capsule.createSession()).rejects.toMatchObject({ code: 'WORKER_SPAWN_FAILED' })
  await expect(capsule.createSession({ executor: 'async' })).rejects.toMatchObject({ code: 'WORKER_SPAWN_FAILED' })
})

it.each(levels.flatMap((level) => [[level, 'threaded'] as const, [level, 'async'] as const]))(
  'leaves no worker behind when the host is killed in a loop (%s, %s)',
  async (level, executor) => {
    const host = fileURLToPath(new URL('fixtures/killed-host.ts', import.meta.url))
    // a host that is killed leaves the directory of its worker behind
    const temporary = await mkdtemp(join(tmpdir(), 'capsule-killed-'))
    onTestFinished(() => rm(temporary, { recursive: true }))
    // it may have to put Node where another user can read it
    await chmod(temporary, 0o755)
    const args = ['--conditions=@capsule/source', host, executor, level]
    const env = {
      PATH: '/usr/bin:/bin',
      TMPDIR: temporary,
      CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '',
    }
    const failed = await run(process.execPath, args, { env }).catch((error: unknown) => error as { stdout: string })
    const pids = failed.stdout.split(' ').map(Number)
    // what was started, and below it bubblewrap's second process and the worker
    expect(pids).toHaveLength(level === 'os' ? 3 : 1)
    for (const pid of pids) {
      expect(pid).toBeGreaterThan(0)
      await waitFor(gone(pid), { what: 'the end of the worker' })
    }
  },
)

/** The kernel tells nobody when a process ends that is not a child, so this asks again and again. */
async function gone(pid: number): Promise<void> {
  while (await isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** A zombie whose new parent has not taken notice yet runs no more. */
async function isRunning(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return isKnown(pid)
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}

function isKnown(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
