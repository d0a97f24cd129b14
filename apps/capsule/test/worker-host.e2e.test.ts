import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DispatchedExecution, DispatchedOutcome, DispatchOptions, ExecutionDistributor } from '@capsule/bridge'
import { createRestateDistributor } from '@capsule/bridge/restate'
import { findPort, hasRestateServer, RestateServer, waitFor } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { capsule, CapsuleProcess } from './capsule-process.ts'
import { Gate } from './gate.ts'

const deadlineMs = 20_000
let ids = 0

describe.skipIf(!hasRestateServer)('capsule worker-host', { timeout: 60_000 }, () => {
  let server: RestateServer
  let dispatcher: ExecutionDistributor
  beforeAll(async () => {
    server = await RestateServer.start()
    const { ingressUrl, adminUrl } = server
    dispatcher = createRestateDistributor({ ingressUrl, adminUrl })
  }, 40_000)
  afterAll(async () => {
    await dispatcher.close()
    await server[Symbol.asyncDispose]()
  })

  async function startHost(group: string, port: number, more: readonly string[] = []): Promise<CapsuleProcess> {
    const { ingressUrl, adminUrl } = server
    const engine = ['--url', ingressUrl, '--admin-url', adminUrl, '--group-port', String(port)]
    const host = ['--group', group, '--name', 'box', '--isolation', 'process', '--capacity', '2']
    const process = new CapsuleProcess(['worker-host', ...engine, ...host, ...more])
    onTestFinished(() => process[Symbol.asyncDispose]())
    await process.sees(`serves group ${group}: 2 at a time, isolation process`)
    return process
  }

  function dispatch(
    execution: Omit<DispatchedExecution, 'id'> & { id?: string },
    options: DispatchOptions,
  ): Promise<DispatchedOutcome> {
    const dispatched = dispatcher.dispatch({ id: `execution-${++ids}`, ...execution }, options)
    const outcome = waitFor(dispatched, { deadlineMs, what: 'the outcome' })
    // a test that fails in between must not leave it unhandled
    outcome.catch(() => {})
    return outcome
  }

  it('runs cells in fresh sessions, and says what they print', async () => {
    const group = 'fresh'
    await startHost(group, await findPort())
    const first = await dispatch({ code: 'var left = 1; console.log("hi"); new Map([[left, 2n]])' }, { group })
    expect(first).toMatchObject({ attempt: 1, stdout: 'hi\n', outcome: { status: 'ok', state: 'kept' } })
    expect(first.outcome.value).toEqual(new Map([[1, 2n]]))
    const second = await dispatch({ code: 'typeof left' }, { group })
    expect(second.outcome.value).toBe('undefined')
    const failed = await dispatch({ code: 'null.x' }, { group })
    expect(failed).toMatchObject({ attempt: 1, outcome: { status: 'error', error: { name: 'TypeError' } } })
    const endless = await dispatch({ code: 'for (;;) {}', timeoutMs: 200 }, { group })
    expect(endless.outcome.status).toBe('timed-out')
  })

  it('keeps a named session on its host, and tells when it is lost with the host', async () => {
    const group = 'kept'
    const port = await findPort()
    const holder = await startHost(group, port)
    const sessionName = 'mine'
    const id = 'in-two-places'
    const { host } = await dispatch({ id, code: 'let n = 41', sessionName }, { group })
    // the same id in another place is another execution
    const more = await dispatch({ id, code: '++n', sessionName, continuesSession: true }, { group, host })
    expect(more).toMatchObject({ host, outcome: { value: 42 } })
    const unknown = dispatch({ code: '1', sessionName: 'other', continuesSession: true }, { group, host })
    await expect(unknown).rejects.toMatchObject({ code: 'SESSION_HOST_LOST' })
    holder.child.kill('SIGKILL')
    await holder.ended()
    await startHost(group, port)
    const lost = dispatch({ code: '++n', sessionName, continuesSession: true }, { group, host })
    await expect(lost).rejects.toMatchObject({ code: 'SESSION_HOST_LOST', details: { host } })
  })

  it('runs again elsewhere what a killed host ran', async () => {
    const group = 'killed'
    const port = await findPort()
    await using gate = await Gate.open()
    const first = await startHost(group, port)
    const outcome = dispatch({ code: gate.cell }, { group })
    await gate.arrival(1)
    await startHost(group, port)
    first.child.kill('SIGKILL')
    ;(await gate.arrival(2)).let('again')
    expect(await outcome).toMatchObject({ attempt: 2, outcome: { value: 'again' } })
  })

  it('drains on SIGTERM: what runs is finished, and the command ends with 0', async () => {
    const group = 'drained'
    await using gate = await Gate.open()
    const host = await startHost(group, await findPort())
    const outcome = dispatch({ code: gate.cell }, { group })
    const cell = await gate.arrival(1)
    host.child.kill('SIGTERM')
    await host.sees('drains: 1 running')
    cell.let('finished')
    expect(await outcome).toMatchObject({ attempt: 1, outcome: { value: 'finished' } })
    expect(await host.ended()).toMatchObject({ code: 0 })
  })

  it('ends on SIGTERM before it serves, though the engine says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const asked = once(silent, 'connection')
    const port = String(await findPort())
    await using host = new CapsuleProcess(['worker-host', '--url', url, '--admin-url', url, '--group-port', port])
    const [socket] = (await waitFor(asked, { deadlineMs })) as [Socket]
    onTestFinished(() => void socket.destroy())
    host.child.kill('SIGTERM')
    expect(await host.ended()).toMatchObject({ code: 0, stdout: '' })
  })

  it('keeps the token of the engine from cells that see its environment', async () => {
    const group = 'token'
    const { ingressUrl, adminUrl } = server
    const engine = ['--url', ingressUrl, '--admin-url', adminUrl, '--group-port', String(await findPort())]
    const args = ['worker-host', ...engine, '--group', group, '--isolation', 'none']
    await using host = new CapsuleProcess(args, { env: { CAPSULE_ENGINE_TOKEN: 'sesame' } })
    await host.sees('isolation none')
    const { outcome } = await dispatch({ code: '[process.env.HOME, JSON.stringify(process.env)]' }, { group })
    expect(outcome.value).toEqual([host.home, expect.not.stringContaining('sesame')])
  })

  it('runs the examples of docs/distribution.md as they stand', async () => {
    await startHost('default', await findPort())
    const document = readFileSync(join(import.meta.dirname, '../../../docs/distribution.md'), 'utf8')
    const examples = [...document.matchAll(/```ts example\n([\s\S]*?)```/g)].map(([, code = '']) => code)
    const args = ['--conditions=@capsule/source', '--input-type=module-typescript', '-e']
    const print = async (code: string): Promise<string> => {
      const here = code.replace('http://127.0.0.1:8080', server.ingressUrl)
      const options = { cwd: join(import.meta.dirname, '..'), env: { PATH: process.env['PATH'] }, timeout: deadlineMs }
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, here], options)
      return stdout + stderr
    }
    expect(await Promise.all(examples.map(print))).toEqual(['42 1\n', '2\n'])
  })

  it('says what is wrong with the engine, and ends', async () => {
    const url = `http://127.0.0.1:${await findPort()}`
    const ended = await capsule([
      'worker-host',
      '--url',
      url,
      '--admin-url',
      url,
      '--group-port',
      String(await findPort()),
    ])
    expect(ended).toMatchObject({ code: 70, stderr: expect.stringContaining('DISTRIBUTOR_UNAVAILABLE') as unknown })
  })
})
