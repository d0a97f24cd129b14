import { createRandomIds, systemClock, withDeadline } from '@capsule/core'
import type { Outcome } from '@capsule/session'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bridgeErrors } from '../errors.ts'
import type {
  DispatchedExecution,
  DispatchedOutcome,
  DispatchOptions,
  ExecutionDistributor,
  ServingHost,
} from './execution-distributor.ts'
import { resultOf, ScriptedRuns } from './scripted-runs.ts'

/** Both sides of one engine, which may be the same distributor. */
export interface DistributorPair {
  readonly dispatcher: ExecutionDistributor
  readonly worker: ExecutionDistributor
}

export interface DistributorContractOptions {
  /** Over an engine that all tests may share: each uses a group of its own. The suite closes both. */
  readonly open: (options: { readonly maxAttempts: number }) => Promise<DistributorPair>
}

const deadlineMs = 12_000
const maxAttempts = 3

/** What every distributor keeps to, over its real engine. Needs vitest. */
export function describeExecutionDistributorContract(name: string, { open }: DistributorContractOptions): void {
  const openBench = async (): Promise<Bench> => {
    const pair = await open({ maxAttempts })
    const bench = new Bench(pair)
    onTestFinished(() => bench.close())
    return bench
  }
  describe(`execution distributor contract: ${name}`, () => {
    describeOutcomes(openBench)
    describePlaces(openBench)
    describeFailures(openBench)
    describeEnds(openBench)
  })
}

type OpenBench = () => Promise<Bench>

const ids = createRandomIds()
const soon = <T>(promise: Promise<T>): Promise<T> =>
  withDeadline(promise, { clock: systemClock, timeoutMs: deadlineMs, what: 'the distributor' })

/** One group of one engine. */
class Bench {
  readonly group = ids.next('group')
  readonly runs = new ScriptedRuns()
  readonly dispatcher: ExecutionDistributor
  readonly worker: ExecutionDistributor

  constructor({ dispatcher, worker }: DistributorPair) {
    this.dispatcher = dispatcher
    this.worker = worker
  }

  serve(host: string, capacity = 10): Promise<ServingHost> {
    return soon(this.worker.serve({ group: this.group, host, capacity, run: this.runs.on(host) }))
  }

  dispatch(execution: Partial<DispatchedExecution> = {}, options: DispatchOptions = {}): Promise<DispatchedOutcome> {
    const whole = { id: ids.next('execution'), code: '1 + 1', ...execution }
    const outcome = soon(this.dispatcher.dispatch(whole, { group: this.group, ...options }))
    // a test that fails in between must not leave it unhandled
    outcome.catch(() => {})
    return outcome
  }

  /** As long as it takes the engine to bring so many executions to their ends. */
  async roundTrips(count: number): Promise<void> {
    for (let done = 0; done < count; done++) {
      const dispatched = this.dispatch()
      ;(await this.runs.next()).succeed()
      await dispatched
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.dispatcher.close({ graceMs: 0 }), this.endRuns(), this.worker.close({ graceMs: 0 })])
  }

  /** A run that nobody ends would keep its host from ending. */
  async endRuns(): Promise<void> {
    for (const run of this.runs.all) run.succeed()
  }
}

function describeOutcomes(open: OpenBench): void {
  it('runs an execution once and tells outcome, output, host and attempt', async () => {
    const bench = await open()
    const serving = await bench.serve('host')
    const dispatched = bench.dispatch({ id: 'one', code: '2 + 2', timeoutMs: 1000, sessionName: 'mine' })
    const run = await bench.runs.next()
    expect(run.execution).toEqual({ id: 'one', code: '2 + 2', timeoutMs: 1000, sessionName: 'mine' })
    expect(run.attempt).toBe(1)
    expect(serving.running).toBe(1)
    run.succeed(4)
    expect(await dispatched).toEqual({ ...resultOf('one', 4), host: serving.host, attempt: 1 })
    expect(serving.host).toMatch(/^host-[a-z0-9]+$/)
    expect(bench.runs.all).toHaveLength(1)
  })

  it('brings every value that cells have', async () => {
    const bench = await open()
    await bench.serve('host')
    const value = { map: new Map([[1, new Set([2n])]]), date: new Date(0), none: undefined, nan: Number.NaN }
    const bytes = new Uint8Array([1, 2, 3])
    const dispatched = bench.dispatch()
    const run = await bench.runs.next()
    run.succeed({ ...value, bytes })
    const { outcome } = await dispatched
    expect(outcome.value).toEqual({ ...value, bytes: expect.anything() as unknown })
    expect([...(outcome.value as { bytes: Uint8Array }).bytes]).toEqual([1, 2, 3])
  })

  it('gives the outcome of a cell that failed as it is, and does not run it again', async () => {
    const bench = await open()
    await bench.serve('host')
    const dispatched = bench.dispatch({ id: 'failing' })
    const error = { name: 'RangeError', message: 'no', code: 'E', stack: 'RangeError: no\n at 1', thrown: 5 }
    const result = resultOf('failing')
    const outcome: Outcome = { ...result.outcome, status: 'error', error }
    ;(await bench.runs.next()).settle({ ...result, outcome })
    expect(await dispatched).toMatchObject({ outcome, attempt: 1 })
    expect(bench.runs.all).toHaveLength(1)
  })

  it('joins an id that runs, and answers one that has run from memory', async () => {
    const bench = await open()
    await bench.serve('host')
    const first = bench.dispatch({ id: 'same' })
    const run = await bench.runs.next()
    const second = bench.dispatch({ id: 'same', code: 'other code' })
    run.succeed('once')
    const outcomes = [await first, await second, await bench.dispatch({ id: 'same' })]
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
    expect(bench.runs.all).toHaveLength(1)
  })
}

function describePlaces(open: OpenBench): void {
  it('reaches the hosts of its group only', async () => {
    const [bench, other] = [await open(), await open()]
    await bench.serve('host')
    await other.serve('other')
    const dispatched = other.dispatch()
    ;(await other.runs.next()).succeed()
    expect((await dispatched).host).toMatch(/^other-/)
    expect(bench.runs.all).toEqual([])
  })

  it('brings what names a host to that host', async () => {
    const bench = await open()
    await bench.serve('first')
    const { host } = await bench.serve('second')
    const dispatched = Array.from({ length: 6 }, () => bench.dispatch({ sessionName: 'mine' }, { host }))
    for (const _ of dispatched) (await bench.runs.next()).succeed()
    expect((await Promise.all(dispatched)).map((outcome) => outcome.host)).toEqual(dispatched.map(() => host))
    expect(bench.runs.all.every((run) => run.host === 'second')).toBe(true)
  })

  it('never runs more on a host than its capacity; the rest waits, and runs', async () => {
    const bench = await open()
    const capacities: Record<string, number> = { small: 1, large: 2 }
    const hosts = await Promise.all(Object.entries(capacities).map(([host, capacity]) => bench.serve(host, capacity)))
    const dispatched = Array.from({ length: 9 }, () => bench.dispatch())
    const running = [await bench.runs.next(), await bench.runs.next(), await bench.runs.next()]
    const openByHost = (): number[] => Object.keys(capacities).map((host) => bench.runs.openOn(host))
    for (let begun = running.length; begun < dispatched.length; begun++) {
      expect(openByHost()).toEqual(Object.values(capacities))
      running.shift()?.succeed()
      running.push(await bench.runs.next())
    }
    for (const run of running) run.succeed()
    await Promise.all(dispatched)
    expect(bench.runs.all).toHaveLength(dispatched.length)
    expect(hosts.every((host) => host.running === 0)).toBe(true)
  })

  it('counts what names a host and what does not against the one capacity', async () => {
    const [bench, other] = [await open(), await open()]
    const { host } = await bench.serve('host', 1)
    await other.serve('other')
    const first = bench.dispatch()
    const running = await bench.runs.next()
    const named = bench.dispatch({}, { host })
    const unnamed = bench.dispatch()
    // whatever the engine brings too early it brings meanwhile
    await other.roundTrips(5)
    expect(bench.runs.all).toHaveLength(1)
    running.succeed()
    await first
    const second = await bench.runs.next()
    await other.roundTrips(5)
    expect(bench.runs.openOn('host')).toBe(1)
    second.succeed()
    ;(await bench.runs.next()).succeed()
    await Promise.all([named, unnamed])
  })

  it('lets executions wait while the group has no host', async () => {
    const bench = await open()
    const gone = await bench.serve('gone')
    await gone.shutdown()
    const dispatched = bench.dispatch()
    const { host } = await bench.serve('new')
    ;(await bench.runs.next()).succeed('late')
    expect(await dispatched).toMatchObject({ host, outcome: { value: 'late' } })
  })
}

function describeFailures(open: OpenBench): void {
  it('tries again what a host could not run', async () => {
    const bench = await open()
    await bench.serve('host')
    const dispatched = bench.dispatch()
    ;(await bench.runs.next()).fail(new Error('no worker could be started'))
    const again = await bench.runs.next()
    expect(again.attempt).toBe(2)
    again.succeed('done')
    expect(await dispatched).toMatchObject({ attempt: 2, outcome: { value: 'done' } })
  })

  it('gives up after the last attempt, and says why', async () => {
    const bench = await open()
    await bench.serve('host')
    const dispatched = bench.dispatch({ id: 'hopeless' })
    for (let attempt = 1; attempt <= maxAttempts; attempt++) (await bench.runs.next()).fail(new Error(`no ${attempt}`))
    await expect(dispatched).rejects.toMatchObject({
      code: 'EXECUTION_ABANDONED',
      details: { id: 'hopeless', attempts: maxAttempts, reason: `no ${maxAttempts}` },
    })
    await expect(bench.dispatch({ id: 'hopeless' })).rejects.toMatchObject({ code: 'EXECUTION_ABANDONED' })
    expect(bench.runs.all).toHaveLength(maxAttempts)
  })

  it('tells at once that a session is lost', async () => {
    const bench = await open()
    const { host } = await bench.serve('host')
    const dispatched = bench.dispatch({ sessionName: 'gone', continuesSession: true }, { host })
    ;(await bench.runs.next()).fail(bridgeErrors.SESSION_HOST_LOST({ host }))
    await expect(dispatched).rejects.toMatchObject({ code: 'SESSION_HOST_LOST', details: { host } })
    expect(bench.runs.all).toHaveLength(1)
  })

  it('tells that a host was never there', async () => {
    const bench = await open()
    await bench.serve('host')
    const dispatched = bench.dispatch({ sessionName: 'mine' }, { host: 'nobody-0123456789' })
    await expect(dispatched).rejects.toMatchObject({ code: 'SESSION_HOST_LOST' })
  })

  it('tells that a host has ended, also when another of its name serves', async () => {
    const bench = await open()
    const first = await bench.serve('host')
    await first.shutdown()
    const second = await bench.serve('host')
    expect(second.host).not.toBe(first.host)
    const dispatched = bench.dispatch({ sessionName: 'mine' }, { host: first.host })
    await expect(dispatched).rejects.toMatchObject({ code: 'SESSION_HOST_LOST' })
    expect(bench.runs.all).toEqual([])
  })
}

function describeEnds(open: OpenBench): void {
  it('finishes what runs on a host that shuts down; what comes then goes elsewhere', async () => {
    const bench = await open()
    const first = await bench.serve('first')
    const running = bench.dispatch()
    const run = await bench.runs.next()
    const second = await bench.serve('second')
    const down = first.shutdown({ graceMs: 10_000 })
    const later = bench.dispatch()
    const laterRun = await bench.runs.next()
    expect(laterRun.host).toBe('second')
    laterRun.succeed()
    expect(await later).toMatchObject({ host: second.host, attempt: 1 })
    expect(run.signal.aborted).toBe(false)
    run.succeed('finished')
    expect(await running).toMatchObject({ host: first.host, attempt: 1, outcome: { value: 'finished' } })
    await soon(down)
    await first.shutdown()
  })

  it('gives what is not over within the grace to another host', async () => {
    const bench = await open()
    const first = await bench.serve('first')
    const dispatched = bench.dispatch()
    const run = await bench.runs.next()
    const second = await bench.serve('second')
    run.signal.addEventListener('abort', () => run.succeed('cut off'), { once: true })
    await soon(first.shutdown({ graceMs: 0 }))
    expect(run.signal.aborted).toBe(true)
    const again = await bench.runs.next()
    again.succeed('whole')
    expect(await dispatched).toMatchObject({ host: second.host, attempt: 2, outcome: { value: 'whole' } })
  })

  it('lets a caller stop to wait; the execution goes on, and its id gets the outcome', async () => {
    const bench = await open()
    await bench.serve('host')
    const controller = new AbortController()
    const dispatched = bench.dispatch({ id: 'left' }, { signal: controller.signal })
    const run = await bench.runs.next()
    controller.abort(new Error('enough'))
    await expect(dispatched).rejects.toMatchObject({ code: 'CANCELLED', cause: controller.signal.reason })
    const again = bench.dispatch({ id: 'left' })
    run.succeed('went on')
    expect(await again).toMatchObject({ attempt: 1, outcome: { value: 'went on' } })
    expect(bench.runs.all).toHaveLength(1)
  })

  it('dispatches nothing for a signal that has fired', async () => {
    const bench = await open()
    await bench.serve('host')
    const dispatched = bench.dispatch({}, { signal: AbortSignal.abort() })
    await expect(dispatched).rejects.toMatchObject({ code: 'CANCELLED' })
    const marker = bench.dispatch({ id: 'marker' })
    const run = await bench.runs.next()
    run.succeed()
    await marker
    expect(run.execution.id).toBe('marker')
  })

  it('rejects what waits when it is closed, ends its hosts, and refuses what comes', async () => {
    const bench = await open()
    const serving = await bench.serve('host')
    const dispatched = bench.dispatch()
    const run = await bench.runs.next()
    run.signal.addEventListener('abort', () => run.succeed(), { once: true })
    const closed = bench.dispatcher.close({ graceMs: 0 })
    await expect(dispatched).rejects.toMatchObject({ code: 'DISTRIBUTOR_CLOSED' })
    await soon(Promise.all([closed, bench.worker.close({ graceMs: 0 })]))
    expect(serving.running).toBe(0)
    await expect(bench.dispatch()).rejects.toMatchObject({ code: 'DISTRIBUTOR_CLOSED' })
    await expect(bench.serve('late')).rejects.toMatchObject({ code: 'DISTRIBUTOR_CLOSED' })
    await bench.dispatcher.close()
  })

  it('refuses a grace that is none, and can be closed afterwards', async () => {
    const bench = await open()
    const serving = await bench.serve('host')
    await expect(serving.shutdown({ graceMs: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(bench.worker.close({ graceMs: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    const dispatched = bench.dispatch()
    ;(await bench.runs.next()).succeed()
    await dispatched
    await soon(bench.worker.close())
  })

  it.each<[object, object]>([
    [{ id: 'a:b' }, {}],
    [{ sessionName: '' }, {}],
    [{ timeoutMs: 0 }, {}],
    [{ colour: 'red' }, {}],
    [{}, { group: 'no good' }],
    [{}, { hots: 'typo' }],
  ])('refuses %o with %o', async (execution, options) => {
    const bench = await open()
    await expect(bench.dispatch(execution, options)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })
}
