import { describe, expect, it } from 'vitest'
import { going } from './going-execution.ts'
import type { Outcome } from './outcome.ts'
import type { Execution, ExecutionEvent, Session, SessionOptions } from './session.ts'

type Open = (options?: SessionOptions) => Promise<Session>

/** With the time that a thread of a busy machine may take to answer: who is not in the way is not to be hit. */
const patient = { maxConcurrentExecutions: 3, cooperativeMs: 2000, graceMs: 10_000 }
const lines = 200

/** Prints to both streams, shows and reports, in many turns. */
const chatty = (name: string): string => `for (let i = 0; i < ${lines}; i++) {
  console.log("${name}", i)
  if (i % 10 === 0) { console.error("${name} err", i); display.json({ ${name}: i }); progress(i, ${lines}) }
  await new Promise((go) => i % 3 === 0 ? setTimeout(go) : setImmediate(go))
}
"${name}"`
const linesOf = (name: string): string => Array.from({ length: lines }, (_, index) => `${name} ${index}\n`).join('')

const waiting = 'console.log("go"); await new Promise(() => {})'

async function inputRequest(execution: Execution): Promise<Extract<ExecutionEvent, { type: 'input-request' }>> {
  for await (const event of execution) if (event.type === 'input-request') return event
  throw new Error('the cell asked nothing')
}

const outcomesOf = (executions: readonly Execution[]): Promise<Outcome[]> =>
  Promise.all(executions.map((execution) => execution.outcome))

/** Part of the session contract: several cells at once, in one namespace. */
export function describeConcurrency(open: Open, preemptive: boolean): void {
  const openSeveral = (options?: SessionOptions): Promise<Session> => open({ ...patient, ...options })

  describe('with several cells at once', () => {
    describeSideBySide(openSeveral)
    describeInput(openSeveral)
    describeOrder(openSeveral)
    describeStops(openSeveral, preemptive)
    describeEnds(openSeveral)
  })
}

function describeSideBySide(openSeveral: Open): void {
  it('runs cells side by side, each with its own events in order and its own outcome', async () => {
    const session = await openSeveral()
    const names = ['a', 'b', 'c']
    const results = await Promise.all(names.map((name) => session.run(chatty(name))))
    for (const [index, { outcome, stdout, stderr, events }] of results.entries()) {
      const name = names[index] ?? ''
      expect(outcome).toMatchObject({ status: 'ok', state: 'kept', value: name })
      expect(stdout).toBe(linesOf(name))
      expect(stderr.split('\n')).toHaveLength(lines / 10 + 1)
      const shown = events.flatMap((event) => (event.type === 'display' ? [event.data['application/json']] : []))
      expect(shown).toEqual(Array.from({ length: lines / 10 }, (_, each) => ({ [name]: each * 10 })))
      expect(events.filter(({ type }) => type === 'progress').at(-1)).toMatchObject({ done: lines - 10 })
      expect(new Set(events.map(({ executionId }) => executionId))).toEqual(new Set([outcome.executionId]))
    }
    expect(session.info()).toMatchObject({ state: 'ready', counters: { running: 0, byStatus: { ok: 3 } } })
  })

  it('lets a cell go on where another waits for it', async () => {
    const session = await openSeveral()
    const first = await going(session, 'const gate = Promise.withResolvers(); console.log("go"); await gate.promise')
    expect(session.info()).toMatchObject({ state: 'busy', counters: { running: 1 } })
    expect((await session.run('gate.resolve(42); "opened"')).outcome.value).toBe('opened')
    expect(await first.outcome).toMatchObject({ status: 'ok', value: 42 })
  })

  it('reads one cell to its end and then the other, however much both print', async () => {
    const session = await openSeveral({ outputWindowBytes: 4096, settings: { outputBufferBytes: 4096 } })
    const code =
      'for (let i = 0; i < 2000; i++) { console.log("x".repeat(1000)); if (i % 20 === 0) await new Promise((go) => setImmediate(go)) }'
    const executions = [session.execute(code), session.execute(code)]
    for (const execution of executions) {
      let length = 0
      for await (const event of execution) if (event.type === 'output') length += event.text.length
      expect(length).toBe(2000 * 1001)
      expect(await execution.outcome).toMatchObject({ status: 'ok', output: { droppedBytes: 0 } })
    }
  })
}

function describeInput(openSeveral: Open): void {
  it('brings answers to the cell that asked, also for one prompt asked twice', async () => {
    const session = await openSeveral()
    const executions = [session.execute('await input("name? ")'), session.execute('await input("name? ")')]
    const [first, second] = executions as [Execution, Execution]
    const asked = [await inputRequest(first), await inputRequest(second)]
    expect(asked.map(({ prompt }) => prompt)).toEqual(['name? ', 'name? '])
    const [firstId = '', secondId = ''] = asked.map(({ inputId }) => inputId)
    await expect(first.respond(secondId, 'wrong')).rejects.toMatchObject({ code: 'INPUT_NOT_PENDING' })
    await second.respond(secondId, 'Grace')
    await first.respond(firstId, 'Ada')
    expect((await outcomesOf(executions)).map(({ value }) => value)).toEqual(['Ada', 'Grace'])
  })

  it('refuses a prompt() that would block the others, and says that it is not offered', async () => {
    const session = await openSeveral()
    const { outcome } = await session.run('prompt("?")', { onInput: () => 'never asked' })
    expect(outcome).toMatchObject({ status: 'error', error: { code: 'SYNC_INPUT_UNAVAILABLE' } })
    const { worker } = session.info()
    expect(worker?.executors[0]).toMatchObject({ syncInput: false, concurrent: true })
    expect(worker?.features).toContain('concurrency')
  })
}

function describeOrder(openSeveral: Open): void {
  it('queues beyond the limit, first in first out', async () => {
    const session = await openSeveral()
    await session.run('const order = []; const gates = [0, 1, 2].map(() => Promise.withResolvers())')
    const gated = [0, 1, 2].map((index) => session.execute(`await gates[${index}].promise; order.push(${index})`))
    expect(() => session.execute('1')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    const queued = [3, 4, 5].map((index) => session.execute(`order.push(${index})`, { queue: true }))
    expect(session.info().counters).toMatchObject({ running: 3, queued: 3 })
    const dropped = session.execute('order.push("dropped")', { queue: true })
    expect(await dropped.cancel()).toMatchObject({ status: 'cancelled', cancelRung: 0 })
    // the place that becomes free is taken by one after the other
    expect(await gated[1]?.cancel()).toMatchObject({ status: 'cancelled', state: 'kept' })
    await outcomesOf(queued)
    await session.run('gates[0].resolve(); gates[2].resolve()', { queue: true })
    await outcomesOf(gated)
    expect((await session.run('order.join()')).outcome.value).toBe('3,4,5,0,2')
  })

  it('joins a cell by its key while several run', async () => {
    const session = await openSeveral()
    await session.run('let runs = 0')
    const code = 'console.log("run", ++runs); await new Promise((go) => setTimeout(go, 20)); runs'
    const options = { idempotencyKey: 'once', replay: true }
    const other = session.run(chatty('other'))
    const results = await Promise.all([1, 2, 3, 4].map(() => session.run(code, options)))
    for (const { outcome, stdout } of results) {
      expect({ outcome, stdout }).toEqual({ outcome: results[0]?.outcome, stdout: 'run 1\n' })
    }
    expect((await other).stdout).toBe(linesOf('other'))
  })

  it('keeps late output and errors apart from all that runs', async () => {
    const session = await openSeveral()
    const late: ExecutionEvent[] = []
    session.events.on('late', (event) => late.push(event))
    const { outcome: first } = await session.run(
      'const gate = Promise.withResolvers(); void gate.promise.then(() => { console.log("late"); display.json(1); throw new Error("boom") })',
    )
    const beside = session.run('await new Promise((go) => setTimeout(go, 50))')
    const opener = await session.run('gate.resolve(); await new Promise((go) => setTimeout(go, 50))')
    expect([...opener.events, ...(await beside).events]).toEqual([])
    expect(late.map(({ type, executionId }) => [type, executionId])).toEqual(
      ['output', 'display', 'error'].map((type) => [type, first.executionId]),
    )
  })
}

function describeStops(openSeveral: Open, preemptive: boolean): void {
  it('cancels and times out one cell, and leaves the others', async () => {
    const session = await openSeveral()
    const kept = await going(session, 'const more = Promise.withResolvers(); console.log("go"); await more.promise')
    const cancelled = await going(session, waiting)
    const timedOut = session.execute('await new Promise(() => {})', { timeoutMs: 50 })
    expect(await timedOut.outcome).toMatchObject({ status: 'timed-out', state: 'kept', cancelRung: 1 })
    expect(await cancelled.cancel()).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    expect(session.info().counters.running).toBe(1)
    await session.run('more.resolve("unharmed")')
    expect(await kept.outcome).toMatchObject({ status: 'ok', value: 'unharmed' })
  })

  it('interrupts all that runs', async () => {
    const session = await openSeveral()
    const executions = [await going(session, waiting), await going(session, waiting)]
    await session.interrupt()
    for (const outcome of await outcomesOf(executions)) {
      expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    }
    expect((await session.run('1')).outcome.value).toBe(1)
  })

  it('kills a worker for one cell that does not obey, and tells the others that they did nothing wrong', async () => {
    const session = await openSeveral()
    const innocent = await going(session, waiting)
    // its grace is over before it would be terminated
    const stuck = await going(session, 'console.log("go"); await null; for (;;) {}')
    expect(await stuck.cancel({ graceMs: 300 })).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    const outcome = await innocent.outcome
    expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', error: { code: 'KILLED' } })
    expect(outcome.error?.message).toContain(stuck.executionId)
    expect(outcome).not.toHaveProperty('cancelRung')
    expect((await session.run('1')).outcome.value).toBe(1)
  })

  it.runIf(preemptive)('ends a loop by force, and tells the cells beside it that it hit them too', async () => {
    const session = await openSeveral({ cooperativeMs: 50 })
    await session.run('const kept = 1')
    const innocents = [await going(session, waiting), await going(session, 'console.log("go"); await input("?")')]
    const loop = await going(session, 'console.log("go"); for (;;) {}')
    expect(await loop.cancel()).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 2, tainted: true })
    for (const outcome of await outcomesOf(innocents)) {
      expect(outcome).toMatchObject({
        status: 'error',
        state: 'kept',
        tainted: true,
        error: { code: 'EXECUTION_INTERRUPTED' },
      })
    }
    expect(session.info()).toMatchObject({ tainted: true, generation: 1, counters: { running: 0 } })
    expect((await session.run('kept')).outcome.value).toBe(1)
  })
}

function describeEnds(openSeveral: Open): void {
  it('ends all that runs when the worker dies, and goes on with what waits', async () => {
    const session = await openSeveral()
    const executions = [await going(session, waiting), await going(session, waiting)]
    executions.push(session.execute('process.kill(process.pid, "SIGKILL"); for (;;) {}'))
    const next = session.execute('"fresh"', { queue: true })
    for (const outcome of await outcomesOf(executions)) {
      expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { signal: 'SIGKILL' } })
    }
    expect(await next.outcome).toMatchObject({ status: 'ok', state: 'kept', value: 'fresh' })
    expect(session.info()).toMatchObject({ generation: 2, counters: { byStatus: { crashed: 3, ok: 1 } } })
  })

  it('ends all that runs with restart() and shutdown()', async () => {
    const session = await openSeveral()
    const restarted = [await going(session, waiting), await going(session, waiting)]
    await session.restart()
    const ended = [await going(session, waiting), await going(session, waiting)]
    await session.shutdown({ graceMs: 500 })
    for (const outcome of await outcomesOf([...restarted, ...ended])) {
      expect(outcome).toMatchObject({ status: 'cancelled', state: 'lost' })
    }
  })
}
