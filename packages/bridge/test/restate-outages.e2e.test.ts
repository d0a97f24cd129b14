import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import {
  createRecorder,
  createRecordingLogger,
  findPort,
  hasRestateServer,
  RestateServer,
  waitFor,
} from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { DispatchOptions, ExecutionDistributor, RunExecution } from '../src/distribution/execution-distributor.ts'
import { resultOf, ScriptedRuns } from '../src/distribution/scripted-runs.ts'
import { createRestateDistributor, type RestateDistributorOptions } from '../src/restate.ts'

const deadlineMs = 15_000
let groups = 0

describe.skipIf(!hasRestateServer)('over a real Restate server', { timeout: 30_000 }, () => {
  let server: RestateServer
  beforeAll(async () => {
    server = await RestateServer.start()
  }, 40_000)
  afterAll(() => server[Symbol.asyncDispose]())

  async function open(options: RestateDistributorOptions = {}): Promise<{
    distributor: ExecutionDistributor
    runs: ScriptedRuns
    group: string
  }> {
    const { ingressUrl, adminUrl } = server
    const endpoint = { groupPort: await findPort() }
    const distributor = createRestateDistributor({ ingressUrl, adminUrl, endpoint, ...options })
    const runs = new ScriptedRuns()
    onTestFinished(async () => {
      const closed = distributor.close({ graceMs: 0 })
      for (const run of runs.all) run.succeed()
      await closed
    })
    return { distributor, runs, group: `outages-${++groups}` }
  }

  it('makes all attempts of what names a host, and does not call that host lost', async () => {
    const { distributor, runs, group } = await open()
    const { host } = await distributor.serve({ group, host: 'h', capacity: 1, run: runs.on('h') })
    const outcome = distributor.dispatch({ id: 'hopeless', code: '', sessionName: 'mine' }, { group, host })
    outcome.catch(() => {})
    for (let attempt = 1; attempt <= 10; attempt++) (await runs.next()).fail(new Error(`no ${attempt}`))
    await expect(waitFor(outcome, { deadlineMs })).rejects.toMatchObject({
      code: 'EXECUTION_ABANDONED',
      details: { attempts: 10, reason: 'no 10' },
    })
  })

  it('does not give up what still runs when the server was restarted', async () => {
    const { distributor, runs, group } = await open({ maxAttempts: 1 })
    await distributor.serve({ group, host: 'h', capacity: 2, run: runs.on('h') })
    const outcome = distributor.dispatch({ id: 'through', code: '' }, { group })
    const run = await runs.next()
    await server.kill()
    await server.start()
    const next = distributor.dispatch({ id: 'later', code: '' }, { group })
    ;(await runs.next()).succeed()
    await waitFor(next, { deadlineMs })
    run.succeed('once')
    expect(await waitFor(outcome, { deadlineMs })).toMatchObject({ attempt: 1, outcome: { value: 'once' } })
  })

  it('ends the wait for an outcome when the server answers nothing for too long', async () => {
    const { distributor, runs, group } = await open({ unavailableAfterMs: 500 })
    await distributor.serve({ group, host: 'h', capacity: 1, run: runs.on('h') })
    const outcome = distributor.dispatch({ id: 'through', code: '' }, { group })
    outcome.catch(() => {})
    await runs.next()
    await server.kill()
    await expect(waitFor(outcome, { deadlineMs })).rejects.toMatchObject({ code: 'DISTRIBUTOR_UNAVAILABLE' })
    await server.start()
  })

  it('tells an outcome of everything when the server is killed at any moment', { timeout: 60_000 }, async () => {
    const { distributor, group } = await open()
    const run: RunExecution = ({ id }) => Promise.resolve(resultOf(id, id))
    const { host } = await distributor.serve({ group, host: 'h', capacity: 30, run })
    let isOver = false
    const outcomes = createRecorder<string>()
    const dispatchAll = async (name: string, options: DispatchOptions): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const id = `${name}-${count}`
        const outcome = distributor.dispatch({ id, code: '' }, options)
        expect(await waitFor(outcome, { deadlineMs, what: id })).toMatchObject({ host, outcome: { value: id } })
        outcomes.record(id)
      }
    }
    const places = Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? { group } : { group, host }))
    const dispatching = Promise.all(places.map((place, index) => dispatchAll(`any-${index}`, place)))
    dispatching.catch(() => {})
    for (let kills = 1; kills <= 6; kills++) {
      const isDue = (): boolean => outcomes.values.length >= kills * 50
      await outcomes.waitFor(isDue, { deadlineMs, what: `outcomes before kill ${kills}` })
      await server.kill()
      await server.start()
    }
    isOver = true
    await dispatching
  })

  it('leaves nothing on the server of a host that cannot serve', async () => {
    const { distributor, runs, group } = await open()
    const run = runs.on('h')
    await distributor.serve({ group, host: 'h', capacity: 1, run })
    const second = distributor.serve({ group: `${group}-other`, host: 'second', capacity: 1, run })
    await expect(second).rejects.toMatchObject({
      code: 'DISTRIBUTOR_UNAVAILABLE',
      message: expect.stringContaining('each group needs its own address') as unknown,
    })
    const listed = await (await fetch(`${server.adminUrl}/deployments`)).text()
    expect(listed).toContain(`capsule.host.${group}.h-`)
    expect(listed).not.toContain('second-')
  })

  it('listens again on the port of its group after another program had taken it', async () => {
    const groupPort = await findPort()
    const { distributor, runs, group } = await open({ endpoint: { groupPort } })
    const logger = createRecordingLogger()
    const { ingressUrl, adminUrl } = server
    const worker = createRestateDistributor({ ingressUrl, adminUrl, endpoint: { groupPort }, logger })
    onTestFinished(() => worker.close({ graceMs: 0 }))
    await worker.serve({ group, host: 'h', capacity: 1, run: runs.on('h') })
    const first = distributor.dispatch({ id: 'first', code: '' }, { group })
    const run = await runs.next()
    // the host is full, so its door is shut
    const intruder = createTcpServer((socket) => socket.destroy()).listen(groupPort, '127.0.0.1')
    await once(intruder, 'listening')
    run.succeed()
    await waitFor(first, { deadlineMs })
    intruder.close()
    await once(intruder, 'close')
    const second = distributor.dispatch({ id: 'second', code: '' }, { group })
    ;(await runs.next()).succeed()
    await waitFor(second, { deadlineMs })
    expect(logger.lines.map(({ message }) => message)).toContain('the port of the group cannot be listened on')
  })

  it('says that a wrong URL is no server, and not that a host is lost', async () => {
    const { distributor, group } = await open({ ingressUrl: server.adminUrl })
    const outcome = distributor.dispatch({ id: 'astray', code: '' }, { group, host: 'h-0123456789' })
    await expect(outcome).rejects.toMatchObject({ code: 'DISTRIBUTOR_UNAVAILABLE' })
  })

  it('says that something else answers at the URL of the admin API', async () => {
    const site = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
    onTestFinished(() => void site.close())
    await once(site, 'listening')
    const adminUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    const { distributor, runs, group } = await open({ adminUrl })
    const serving = distributor.serve({ group, host: 'h', capacity: 1, run: runs.on('h') })
    await expect(serving).rejects.toMatchObject({ code: 'DISTRIBUTOR_UNAVAILABLE' })
  })

  it('refuses a key that is none when it is to serve', async () => {
    const endpoint = { groupPort: await findPort(), identityKeys: ['publickeyv1_short'] }
    const { distributor, runs, group } = await open({ endpoint })
    const serving = distributor.serve({ group, host: 'h', capacity: 1, run: runs.on('h') })
    await expect(serving).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })
})
