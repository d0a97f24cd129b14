import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'

const root = join(import.meta.dirname, '..')

function runFixture(leak: string): { status: number | null; output: string } {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const config = join(import.meta.dirname, 'fixtures/orphans/vitest.config.ts')
  const env = { PATH: process.env['PATH'], CAPSULE_FIXTURE_LEAK: leak }
  const run = spawnSync(process.execPath, [vitest, 'run', '--config', config], {
    encoding: 'utf8',
    env,
    timeout: 14_000,
  })
  return { status: run.status, output: run.stdout + run.stderr }
}

function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

describe.runIf(process.platform === 'linux')('no-orphans', () => {
  it('lets a run pass that cleans up', () => {
    expect(runFixture('none')).toMatchObject({ status: 0, output: expect.stringContaining('1 passed, 0 failed') })
  })

  it.each([
    ['a child of its own group whose parent is gone', 'group', 'orphan-in-our-group'],
    ['a detached worker with an explicit environment whose parent is gone', 'worker', 'packages/worker/orphan.cjs'],
  ])('fails a run that leaves %s, and ends it', async (_, leak, name) => {
    const { status, output } = runFixture(leak)
    expect(output).toContain('processes left running by tests')
    expect(status).not.toBe(0)
    const pid = new RegExp(`^ *(\\d+) .*${name}`, 'm').exec(output)?.[1]
    expect(pid).toBeDefined()
    await vi.waitUntil(() => !isRunning(pid!), { timeout: 5000 })
  })
})
