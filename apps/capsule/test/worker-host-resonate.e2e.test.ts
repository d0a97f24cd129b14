import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createResonateDistributor } from '@capsule/bridge/resonate'
import { waitFor, waitForEvent } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { CapsuleProcess } from './capsule-process.ts'

const server = join(import.meta.dirname, '../../../packages/bridge/test/fixtures/resonate-server.ts')
const deadlineMs = 20_000
const token = 'sesame'

/** The test server of the bridge, as a process of its own. */
async function startServer(): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@capsule/source', server, JSON.stringify({ token })], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [url] = await waitForEvent(createInterface(child.stdout), 'line', { deadlineMs, what: 'the server to listen' })
  return String(url)
}

it(
  'serves executions and sessions over Resonate, with the token from the environment',
  { timeout: 60_000 },
  async () => {
    const url = await startServer()
    const args = ['worker-host', '--engine', 'resonate', '--url', url, '--name', 'box', '--isolation', 'process']
    await using host = new CapsuleProcess(args, { env: { CAPSULE_ENGINE_TOKEN: token } })
    await host.sees('serves group default')
    await using distributor = createResonateDistributor({ url, token })
    const opened = await waitFor(distributor.dispatch({ id: 'open', code: 'let n = 41', sessionName: 'mine' }), {
      deadlineMs,
    })
    expect(opened.host).toMatch(/^box-/)
    const mine = { code: '++n', sessionName: 'mine', continuesSession: true }
    const more = await waitFor(distributor.dispatch({ id: 'more', ...mine }, { host: opened.host }), { deadlineMs })
    expect(more).toMatchObject({ host: opened.host, attempt: 1, outcome: { value: 42 } })
    host.child.kill('SIGTERM')
    expect(await host.ended()).toMatchObject({ code: 0 })
    const lost = distributor.dispatch({ id: 'lost', ...mine }, { host: opened.host })
    await expect(waitFor(lost, { deadlineMs })).rejects.toMatchObject({ code: 'SESSION_HOST_LOST' })
  },
)
