import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HttpNetwork, PollMessageSource, type Request } from '@resonatehq/sdk'
import { createRecorder, waitFor, waitForEvent } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { startResonateServer } from './fixtures/resonate-server.ts'

const head = { corrId: 'c', version: '2026-04-01' }
const create = (id: string, tags: Record<string, string> = {}): Extract<Request, { kind: 'promise.create' }> => ({
  kind: 'promise.create',
  head,
  data: { id, timeoutAt: Date.now() + 60_000, param: { data: 'cGFyYW0=' }, tags },
})
const get = (id: string): Extract<Request, { kind: 'promise.get' }> => ({ kind: 'promise.get', head, data: { id } })

it("serves the SDK's own network, and its event streams", async () => {
  const server = await startResonateServer({ token: 'secret' })
  onTestFinished(() => server.stop())
  const adapter = new PollMessageSource({ url: `${server.url}/poll/workers/host-1`, token: 'secret' })
  const network = new HttpNetwork({ url: server.url, token: 'secret', adapter })
  const messages = createRecorder<string>()
  network.recv((message) => messages.record(message.kind))
  await network.init()
  await network.send(create('task-1', { 'resonate:target': 'poll://any@workers' }))
  expect(await messages.waitFor((kind) => kind === 'execute')).toBe('execute')
  const stranger = new HttpNetwork({ url: server.url, adapter })
  await expect(stranger.send(get('task-1'))).rejects.toThrow()
  await network.stop()
})

it('goes on after it was killed, from its journal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-resonate-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const journal = join(folder, 'journal')
  const file = join(import.meta.dirname, 'fixtures/resonate-server.ts')
  const child = spawn(process.execPath, [file, JSON.stringify({ journal })], { env: {}, stdio: ['ignore', 'pipe', 2] })
  const exited = waitForEvent(child, 'exit', { deadlineMs: 10_000 })
  const [line] = await waitForEvent(child.stdout!, 'data', { deadlineMs: 10_000 })
  const post = async (url: string, request: Request): Promise<{ data: unknown }> =>
    (await waitFor(fetch(url, { method: 'POST', body: JSON.stringify(request) }))).json() as Promise<{ data: unknown }>
  const { data } = await post(String(line).trim(), create('a'))
  child.kill('SIGKILL')
  await exited
  const server = await startResonateServer({ journal })
  onTestFinished(() => server.stop())
  expect(await post(server.url, get('a'))).toMatchObject({ data })
})
