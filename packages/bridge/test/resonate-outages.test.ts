import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import type { ExecutionDistributor, ServingHost } from '../src/distribution/execution-distributor.ts'
import { ScriptedRuns } from '../src/distribution/scripted-runs.ts'
import { createResonateDistributor, type ResonateDistributorOptions } from '../src/resonate.ts'
import { type ResonateServer, type ResonateServerOptions, startResonateServer } from './fixtures/resonate-server.ts'

const leaseMs = 500
const deadlineMs = 10_000

interface Bench {
  readonly server: ResonateServer
  readonly distributor: ExecutionDistributor
  readonly runs: ScriptedRuns
  readonly serve: () => Promise<ServingHost>
  /** The server fails for longer than a lease, and answers again; its streams of messages stand. */
  readonly lapse: () => Promise<void>
  /** Resolves when so many requests of that kind were answered since the last lapse. */
  readonly answered: (kind: string, count?: number) => Promise<void>
}

async function open(options: ResonateDistributorOptions = {}, token?: string): Promise<Bench> {
  let answers = createRecorder<string>()
  const onAnswer: ResonateServerOptions['onAnswer'] = ({ kind, isFailure }) =>
    answers.record(isFailure ? `failed ${kind}` : kind)
  const server = await startResonateServer({ onAnswer, ...(token !== undefined && { token }) })
  onTestFinished(() => server.stop())
  const distributor = createResonateDistributor({ url: server.url, leaseMs, ...options })
  const runs = new ScriptedRuns()
  onTestFinished(async () => {
    const closed = distributor.close({ graceMs: 0 })
    for (const run of runs.all) run.succeed()
    await closed
  })
  const answered = async (kind: string, count = 1): Promise<void> => {
    const isLast = (): boolean => answers.values.filter((each) => each === kind).length >= count
    await answers.waitFor(isLast, { deadlineMs, what: `${count} of ${kind}` })
  }
  return {
    server,
    distributor,
    runs,
    answered,
    serve: () => distributor.serve({ host: 'host', capacity: 2, run: runs.on('host') }),
    lapse: async () => {
      // what follows its start is over
      await answered('task.heartbeat')
      answers = createRecorder()
      server.failWith(503)
      // three to the length of a lease
      await answered('failed task.heartbeat', 5)
      answers = createRecorder()
      server.failWith()
    },
  }
}

it('runs an execution whose id ends like the marker of an attempt', async () => {
  const { distributor, runs, serve } = await open()
  await serve()
  for (const id of ['x', 'x-attempt-1', 'x-attempt-2', 'x']) {
    const outcome = distributor.dispatch({ id, code: '' })
    if (runs.all.every(({ execution }) => execution.id !== id)) (await runs.next()).succeed(id)
    expect(await waitFor(outcome, { deadlineMs })).toMatchObject({ attempt: 1, outcome: { value: id } })
  }
})

it('says what a server answered that lets nobody serve', async () => {
  const { serve } = await open({ token: 'wrong' }, 'secret')
  await expect(serve()).rejects.toMatchObject({
    code: 'DISTRIBUTOR_UNAVAILABLE',
    message: expect.stringContaining('the server answered 401') as unknown,
  })
})

it('ends the wait for an outcome when the server answers nothing for too long', async () => {
  const { server, distributor, runs, serve } = await open({ unavailableAfterMs: 500 })
  await serve()
  const outcome = distributor.dispatch({ id: 'through', code: '' })
  outcome.catch(() => {})
  const run = await runs.next()
  await server.stop()
  await expect(waitFor(outcome, { deadlineMs })).rejects.toMatchObject({ code: 'DISTRIBUTOR_UNAVAILABLE' })
  await server.start()
  run.succeed('went on')
  const again = waitFor(distributor.dispatch({ id: 'through', code: '' }), { deadlineMs })
  expect(await again).toMatchObject({ outcome: { value: 'went on' } })
  expect(runs.all).toHaveLength(1)
})

it('shuts a host down in bounded time while the server is away', { timeout: 20_000 }, async () => {
  const { server, distributor, runs, serve } = await open({ unavailableAfterMs: 60_000 })
  await serve()
  distributor.dispatch({ id: 'unheard', code: '' }).catch(() => {})
  const run = await runs.next()
  await server.stop()
  run.succeed()
  await expect(waitFor(distributor.close({ graceMs: 0 }), { deadlineMs })).resolves.toBe(undefined)
})

it('stops to ask a server that is away when it is closed while a host starts', async () => {
  const { server, distributor, serve } = await open({ unavailableAfterMs: 60_000 })
  await server.stop()
  const serving = serve()
  const closed = distributor.close()
  await expect(waitFor(serving, { deadlineMs })).rejects.toMatchObject({ code: 'DISTRIBUTOR_CLOSED' })
  await waitFor(closed, { deadlineMs })
})

it('keeps the sessions of a host whose lease was out for less than another', async () => {
  const { distributor, runs, serve, lapse, answered } = await open()
  const { host } = await serve()
  await lapse()
  await answered('task.acquire')
  const outcome = distributor.dispatch({ id: 'named', code: '', sessionName: 'mine' }, { host })
  const run = await runs.next()
  // by then it would have been declared lost
  await answered('task.heartbeat', 9)
  run.succeed('held')
  expect(await waitFor(outcome, { deadlineMs })).toMatchObject({ host, outcome: { value: 'held' } })
})

it('does not give up what still runs, however often its lease was out', async () => {
  const { distributor, runs, serve, lapse, answered } = await open({ maxAttempts: 1 })
  await serve()
  const outcome = distributor.dispatch({ id: 'lapsed', code: '' })
  outcome.catch(() => {})
  const run = await runs.next()
  await lapse()
  // its presence, and what runs
  await answered('task.acquire', 2)
  await answered('task.heartbeat', 3)
  run.succeed('once')
  expect(await waitFor(outcome, { deadlineMs })).toMatchObject({ attempt: 1, outcome: { value: 'once' } })
  expect(runs.all).toHaveLength(1)
})
