import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createCapsule } from '@capsule/host'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)

it('starts workers with nothing of the host in them', async () => {
  const capsule = await createCapsule()
  onTestFinished(() => capsule.shutdown())
  const session = await capsule.createSession({ env: { GIVEN: '1' }, modules: true })
  const { outcome } = await session.run(`const { readdirSync } = await import('node:fs')
;[process.env, readdirSync('.'), process.execArgv.filter((flag) => flag.includes('inspect'))]`)
  expect(outcome.value).toEqual([{ GIVEN: '1' }, [], []])
})

it('caps the heap and says that it ran out', async () => {
  const capsule = await createCapsule()
  onTestFinished(() => capsule.shutdown())
  const session = await capsule.createSession({ maxHeapMb: 32 })
  const { outcome } = await session.run('const all = []; for (;;) all.push(new Array(1000).fill(all.length))')
  expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', error: { code: 'WORKER_OUT_OF_MEMORY' } })
})

it('rejects when Node is not where nodePath says', async () => {
  const capsule = await createCapsule({ nodePath: '/nowhere/node' })
  onTestFinished(() => capsule.shutdown())
  await expect(capsule.createSession()).rejects.toMatchObject({ code: 'WORKER_SPAWN_FAILED' })
  await expect(capsule.createSession({ executor: 'async' })).rejects.toMatchObject({ code: 'WORKER_SPAWN_FAILED' })
})

it.each(['threaded', 'async'])('leaves no worker behind when the host is killed in a loop (%s)', async (executor) => {
  const host = fileURLToPath(new URL('fixtures/killed-host.ts', import.meta.url))
  const args = ['--conditions=@capsule/source', host, executor]
  const env = { PATH: '/usr/bin:/bin', CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' }
  const failed = await run(process.execPath, args, { env }).catch((error: unknown) => error as { stdout: string })
  const pid = Number(failed.stdout)
  expect(pid).toBeGreaterThan(0)
  await waitFor(gone(pid), { what: 'the end of the worker' })
})

/** The kernel tells nobody when a process ends that is not a child, so this asks again and again. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
