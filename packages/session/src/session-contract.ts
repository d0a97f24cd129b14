import { describe, expect, it, onTestFinished } from 'vitest'
import type { ExecutionEvent, Session, SessionOptions } from './session.ts'
import { describeCheckpoints, describeTransactions } from './checkpoint-session-contract.ts'
import { describeReset } from './session-contract-reset.ts'
import { describeConcurrency } from './session-contract-concurrency.ts'

export interface SessionContractOptions {
  /** Starts a session on a real worker; the suite shuts it down. */
  readonly createSession: (options?: SessionOptions) => Promise<Session>
  /** Cancel ends running synchronous code and keeps the namespace; `prompt()` blocks. */
  readonly abilities: {
    readonly preemptive: boolean
    readonly syncInput: boolean
    /** Cells may start processes. @defaultValue true */
    readonly childProcesses?: boolean
    /** Cells have modules of Node and files. @defaultValue true */
    readonly modules?: boolean
  }
}

const deadlineMs = 10_000

/** What every session keeps to, whatever its transport and executor: real cells on a real worker. Needs vitest. */
export function describeSessionContract(name: string, { createSession, abilities }: SessionContractOptions): void {
  const open = async (options?: SessionOptions): Promise<Session> => {
    const session = await createSession(options)
    onTestFinished(() => session.shutdown({ graceMs: 500 }))
    return session
  }

  describe(`session contract: ${name}`, () => {
    describeCells(open)
    describeOutput(open, abilities.childProcesses ?? true)
    describeDisplay(open)
    describeInput(open, abilities.syncInput)
    describeStops(open, abilities.preemptive)
    describeDeaths(open)
    describeQueue(open)
    describeIdempotency(open)
    describeConcurrency(open, abilities.preemptive)
    describeStreams(open, abilities.preemptive)
    describeCheckpoints(open, abilities.preemptive)
    describeTransactions(open, abilities.preemptive)
    describeReset(open, { preemptive: abilities.preemptive, modules: abilities.modules ?? true })
  })
}

type Open = (options?: SessionOptions) => Promise<Session>

function describeCells(open: Open): void {
  it('gives the value and the text of the last statement', async () => {
    const session = await open()
    const { outcome } = await session.run('const a = 20; ({ sum: a + 22, list: [1, 2n, new Date(0)] })')
    expect(outcome).toMatchObject({ status: 'ok', state: 'kept', cell: 1 })
    expect(outcome.value).toEqual({ sum: 42, list: [1, 2n, new Date(0)] })
    expect(outcome.text).toContain('sum: 42')
  })

  it('keeps bindings between cells and lets them be declared again', async () => {
    const session = await open()
    await session.run('let n = 1; function next() { return ++n }')
    expect((await session.run('next(); n')).outcome.value).toBe(2)
    expect((await session.run('const n = 10; next')).outcome.status).toBe('ok')
    expect((await session.bindings()).map((binding) => binding.name)).toEqual(expect.arrayContaining(['n', 'next']))
  })

  it('awaits at top level and reads TypeScript', async () => {
    const session = await open()
    const { outcome } = await session.run('const x: number = await Promise.resolve(41); x + 1')
    expect(outcome).toMatchObject({ status: 'ok', value: 42 })
  })

  it('reports errors with their place and keeps the session', async () => {
    const session = await open()
    const thrown = await session.run('const ok = 1\n  null.x')
    expect(thrown.outcome).toMatchObject({ status: 'error', state: 'kept', error: { name: 'TypeError', line: 2 } })
    const syntax = await session.run('let = = 1')
    expect(syntax.outcome).toMatchObject({ status: 'error', error: { name: 'SyntaxError', line: 1 } })
    const notAnError = await session.run('throw 5')
    expect(notAnError.outcome).toMatchObject({ status: 'error', error: { name: '5', thrown: 5 } })
    expect((await session.run('ok')).outcome.value).toBe(1)
  })
}

function describeOutput(open: Open, hasChildProcesses: boolean): void {
  it('delivers all output before the result, in order', async () => {
    const session = await open()
    const lines = 2000
    const execution = session.execute(`for (let i = 0; i < ${lines}; i++) console.log(i); 'done'`)
    let text = ''
    let isSettled = false
    void execution.outcome.then(() => (isSettled = true))
    for await (const event of execution) {
      if (event.type === 'output') text += event.text
    }
    expect(text).toBe(Array.from({ length: lines }, (_, index) => `${index}\n`).join(''))
    await execution.outcome
    expect(isSettled).toBe(true)
  })

  it('tells stdout from stderr', async () => {
    const session = await open()
    const { stdout, stderr } = await session.run('console.log("out"); console.error("err")')
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' })
  })

  it.skipIf(!hasChildProcesses)('attributes what child processes print to the cell', async () => {
    const session = await open()
    const code = `const { execFileSync } = await import('node:child_process')
execFileSync(process.execPath, ['-e', 'console.log("from a child")'], { stdio: 'inherit' })`
    expect((await session.run(code)).stdout).toContain('from a child')
  })

  it('brings late output to the session, under the id of its cell', async () => {
    const session = await open()
    const late = new Promise<ExecutionEvent>((resolve) => session.events.once('late', resolve))
    const execution = session.execute('setTimeout(() => console.log("late"), 50); 1')
    expect(await execution.outcome).toMatchObject({ status: 'ok' })
    expect(await late).toEqual({
      type: 'output',
      executionId: execution.executionId,
      stream: 'stdout',
      text: 'late\n',
      late: true,
    })
  })

  it('keeps late output and late errors apart from the cell that runs', async () => {
    const session = await open()
    const late: ExecutionEvent[] = []
    session.events.on('late', (event) => late.push(event))
    const { outcome: first } = await session.run(
      'const gate = Promise.withResolvers(); void gate.promise.then(() => { console.log("late"); setTimeout(() => { throw new Error("boom") }) })',
    )
    const second = await session.run('gate.resolve(); await new Promise((go) => setTimeout(go, 50)); 2')
    expect(second).toMatchObject({ outcome: { status: 'ok', value: 2 }, events: [] })
    expect(late).toMatchObject([
      { type: 'output', executionId: first.executionId, text: 'late\n', late: true },
      { type: 'error', executionId: first.executionId, error: { message: 'boom' }, late: true },
    ])
  })

  it('does not stall on output that nobody reads once the outcome is awaited', async () => {
    const session = await open({ outputWindowBytes: 16 * 1024 })
    const outcome = await session.execute('for (let i = 0; i < 20000; i++) console.log("x".repeat(100)); 1').outcome
    expect(outcome).toMatchObject({ status: 'ok', value: 1 })
    expect(outcome.output.droppedBytes).toBeGreaterThan(0)
  })
}

function describeDisplay(open: Open): void {
  it('delivers displays and progress in order with output', async () => {
    const session = await open()
    const { events: all, outcome } = await session.run(
      'console.log("a"); const table = display([{ n: 1 }, { n: "<2>" }]); progress(1, 2); progress(2, 2); table.update("b"); 3',
    )
    // the second report may have replaced the first
    const events = all.filter((event) => event.type !== 'progress' || event.done > 1)
    expect(events).toMatchObject([
      { type: 'output', text: 'a\n' },
      { type: 'display', action: 'show', data: { 'application/json': [{ n: 1 }, { n: '<2>' }] } },
      { type: 'progress', done: 2, total: 2 },
      { type: 'display', action: 'update', data: { 'text/plain': 'b' } },
    ])
    const [, shown, , updated] = events
    if (shown?.type !== 'display' || updated?.type !== 'display') throw new Error('no display')
    expect(shown.data['text/html']).toContain('<td>&lt;2&gt;</td>')
    expect(updated.displayId).toBe(shown.displayId)
    expect(outcome).toMatchObject({ status: 'ok', value: 3 })
  })

  it('delivers a display of megabytes whole, to a reader that takes its time', async () => {
    const session = await open({ outputWindowBytes: 16 * 1024 })
    const code =
      'display.image(new Uint8Array(3_000_000).map((_, i) => i % 251), "image/png"); display.json({ text: "é".repeat(500_000) })'
    const sizes: unknown[] = []
    for await (const event of session.execute(code)) {
      if (event.type !== 'display') continue
      await new Promise((resolve) => setImmediate(resolve))
      const { 'image/png': png, 'application/json': json } = event.data
      if (png instanceof Uint8Array) sizes.push(png.length, png[2_999_999])
      else sizes.push((json as { text: string }).text === 'é'.repeat(500_000))
    }
    expect(sizes).toEqual([3_000_000, 2_999_999 % 251, true])
  })

  it('shows a last value that says how it is shown', async () => {
    const session = await open()
    const { events, outcome } = await session.run(
      '({ [Symbol.for("Jupyter.display")]: async () => ({ "text/html": "<b>" }), toString: () => "" })',
    )
    expect(events).toMatchObject([{ type: 'display', action: 'show', data: { 'text/html': '<b>' } }])
    expect(outcome.status).toBe('ok')
  })

  it('tells the last progress, also of a cell that fails', async () => {
    const session = await open()
    const { events } = await session.run('for (let i = 1; i <= 10_000; i++) progress(i); throw new Error("end")')
    expect(events.at(-1)).toMatchObject({ type: 'progress', done: 10_000 })
    expect(events.length).toBeLessThan(100)
  })
}

function describeInput(open: Open, syncInput: boolean): void {
  it('asks a person and goes on with the answer', async () => {
    const session = await open()
    const { outcome } = await session.run('const name = await input("name? "); `hello ${name}`', {
      onInput: (prompt) => (prompt === 'name? ' ? 'Ada' : null),
    })
    expect(outcome).toMatchObject({ status: 'ok', value: 'hello Ada' })
  })

  it.runIf(syncInput)('blocks in prompt() until it is answered', async () => {
    const session = await open()
    const { outcome } = await session.run('const name = prompt("name? "); name.length', { onInput: () => 'Grace' })
    expect(outcome).toMatchObject({ status: 'ok', value: 5 })
  })
}

function describeStops(open: Open, preemptive: boolean): void {
  it('cancels an await that never ends and keeps the state', async () => {
    const session = await open()
    await session.run('const kept = 1')
    const execution = session.execute('await new Promise(() => {})')
    const outcome = await execution.cancel()
    expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    expect((await session.run('kept')).outcome.value).toBe(1)
  })

  it('times a cell out and says so', async () => {
    const session = await open()
    const { outcome } = await session.run('await new Promise(() => {})', { timeoutMs: 50 })
    expect(outcome).toMatchObject({ status: 'timed-out', state: 'kept' })
  })

  it.runIf(preemptive)('cancels an endless loop and keeps the state', async () => {
    const session = await open({ graceMs: deadlineMs })
    await session.run('const kept = 1')
    const execution = session.execute('console.log("in"); for (;;) {}')
    for await (const event of execution) if (event.type === 'output') void execution.cancel()
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 2 })
    expect((await session.run('kept')).outcome.value).toBe(1)
  })

  it.runIf(!preemptive)('kills the worker for an endless loop and says that the state is lost', async () => {
    const session = await open()
    await session.run('const kept = 1')
    const { outcome } = await session.run('for (;;) {}', { timeoutMs: 50, graceMs: 100 })
    expect(outcome).toMatchObject({ status: 'timed-out', state: 'lost', cancelRung: 3 })
    expect((await session.run('typeof kept')).outcome.value).toBe('undefined')
  })

  it('interrupts what runs', async () => {
    const session = await open()
    const execution = session.execute('await new Promise(() => {})')
    await session.interrupt()
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
  })
}

function describeDeaths(open: Open): void {
  it('tells a crash with its exit and goes on with a fresh worker', async () => {
    const session = await open()
    await session.run('const gone = 1')
    const { outcome } = await session.run(
      'process.stderr.write("bye\\n"); process.kill(process.pid, "SIGKILL"); for (;;) {}',
    )
    expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { code: null, signal: 'SIGKILL' } })
    expect((await session.run('typeof gone')).outcome).toMatchObject({ status: 'ok', value: 'undefined' })
    expect(session.info()).toMatchObject({ generation: 2, counters: { restarts: 1 } })
  })

  it('tells process.exit() with its code', async () => {
    const session = await open()
    const { outcome, stdout } = await session.run('console.log("last words"); process.exit(7)')
    expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit: { code: 7 } })
    expect(stdout).toBe('last words\n')
  })

  it('restarts with an empty namespace', async () => {
    const session = await open({ warmup: ['globalThis.warm = true'] })
    await session.run('const old = 1')
    await session.restart()
    expect((await session.run('[typeof old, warm]')).outcome.value).toEqual(['undefined', true])
  })

  it('starts without an optional warm-up cell that fails, and tells what each did', async () => {
    const session = await open({
      warmup: [{ code: 'throw new TypeError("cold")', label: 'the first', isOptional: true }, 'var warm = 1'],
    })
    const [failed, ok] = session.info().warmup ?? []
    expect(failed).toMatchObject({ label: 'the first', status: 'error', error: { name: 'TypeError', message: 'cold' } })
    expect(ok).toEqual({ label: 'warm-up cell 1', status: 'ok', durationMs: expect.any(Number) })
    expect((await session.run('warm')).outcome.value).toBe(1)
  })

  it('ends its worker with it', async () => {
    const session = await open()
    const pid = session.info().worker?.pid ?? 0
    process.kill(pid, 0)
    await session.shutdown()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
}

function describeQueue(open: Open): void {
  it('runs queued cells in the order of their calls, also past a failing and a cancelled one', async () => {
    const session = await open()
    await session.run('const order = []')
    const codes = ['await null; order.push(1)', 'order.push(2); throw new Error("no")', 'order.push(3)', 'order.join()']
    const executions = codes.map((code) => session.execute(code, { queue: true }))
    const dropped = await executions[2]?.cancel()
    expect(dropped).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 0 })
    const outcomes = await Promise.all(executions.map((execution) => execution.outcome))
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'error', 'cancelled', 'ok'])
    expect(outcomes.at(-1)?.value).toBe('1,2')
  })

  it('goes on with the queue on a fresh worker after a crash', async () => {
    const session = await open()
    await session.run('const gone = 1')
    const crashing = session.execute('process.kill(process.pid, "SIGKILL"); for (;;) {}', { queue: true })
    const next = session.execute('typeof gone', { queue: true })
    expect(await crashing.outcome).toMatchObject({ status: 'crashed', state: 'lost' })
    expect(await next.outcome).toMatchObject({ status: 'ok', state: 'kept', value: 'undefined' })
  })
}

function describeIdempotency(open: Open): void {
  it('runs a cell once per key, and replays what it printed', async () => {
    const session = await open()
    await session.run('let runs = 0')
    const code = 'console.log("run", ++runs); await new Promise((resolve) => setTimeout(resolve, 20)); runs'
    const options = { idempotencyKey: 'once', replay: true }
    const results = await Promise.all([session.run(code, options), session.run(code, options)])
    results.push(await session.run(code, options))
    for (const { outcome, stdout } of results) {
      expect({ outcome, stdout }).toEqual({ outcome: results[0]?.outcome, stdout: 'run 1\n' })
    }
    expect(results[0]?.outcome).toMatchObject({ status: 'ok', value: 1 })
    expect((await session.run('runs')).outcome.value).toBe(1)
    expect(() => session.execute('runs', options)).toThrow(expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' }))
  })
}

function describeStreams(open: Open, preemptive: boolean): void {
  const bytes = (length: number): Uint8Array => new Uint8Array(length).map((_, index) => index % 251)

  it('is one channel under one name, both ways, whoever comes first', async () => {
    const session = await open()
    const early = session.stream('early')
    expect(session.stream('early')).toBe(early)
    const run = session.run(
      'const [early, late] = [capsule.stream("early"), capsule.stream("late")]; await late.write("from the cell"); const { value } = await early.read(); [value, capsule.stream("early") === early]',
    )
    await early.write({ list: [1n, new Map([['a', undefined]])] })
    expect(await session.stream('late').read()).toMatchObject({ done: false, value: 'from the cell' })
    expect((await run).outcome.value).toEqual([{ list: [1n, new Map([['a', undefined]])] }, true])
  })

  it('carries bytes whole and in order, both ways at once, and ends behind them', async () => {
    const session = await open()
    const sent = bytes(3_000_000)
    const channel = session.stream('bytes', { windowBytes: 100_000 })
    const run = session.run(
      'const channel = capsule.stream("bytes"); for await (const chunk of channel) await channel.write(chunk); await channel.end()',
    )
    const sending = channel.write(sent).then(() => channel.end())
    const received: Uint8Array[] = []
    for await (const chunk of channel) received.push(chunk as Uint8Array)
    await sending
    expect(Buffer.concat(received).equals(sent)).toBe(true)
    expect((await run).outcome.status).toBe('ok')
    await channel.closed
    expect(session.info().streams).toEqual({ open: 0, sentBytes: 3_000_000, receivedBytes: 3_000_000 })
    expect(session.stream('bytes')).not.toBe(channel)
  })

  it('makes a writer wait for its reader', async () => {
    const session = await open()
    const run = session.run(
      'const channel = capsule.stream("slow"); globalThis.written = 0; void (async () => { for (;;) { await channel.write(new Uint8Array(10_000)); written++ } })().catch(() => {}); channel.name',
    )
    const channel = session.stream('slow', { windowBytes: 64_000 })
    await run
    await channel.read()
    const written = (await session.run('written')).outcome.value as number
    expect(written).toBeLessThan(12)
    for (let rest = 500_000; rest > 0;) rest -= ((await channel.read()).value as Uint8Array).length
    channel.cancel()
  })

  it('tells a failure last, a cancel to the writer, and both by their codes', async () => {
    const session = await open()
    const failing = session.stream('failing')
    await session.run('const f = capsule.stream("failing"); void f.write(1); void f.fail(new RangeError("no more")); 0')
    expect(await failing.read()).toMatchObject({ value: 1 })
    await expect(failing.read()).rejects.toMatchObject({
      code: 'STREAM_FAILED',
      details: { error: { name: 'RangeError', message: 'no more' } },
    })
    expect(await failing.read()).toMatchObject({ done: true })
    const left = session.stream('left')
    const run = session.run('for await (const each of capsule.stream("left")) break')
    await left.write('one')
    expect((await run).outcome.status).toBe('ok')
    await expect(writeOn(left)).rejects.toMatchObject({ code: 'STREAM_CANCELLED' })
    await left.end()
    await expect(left.write('more')).rejects.toMatchObject({ code: 'STREAM_CANCELLED' })
    const ended = session.stream('ended')
    await ended.end()
    await expect(ended.write('more')).rejects.toMatchObject({ code: 'STREAM_ENDED' })
  })

  it('refuses what it cannot carry whole, reserved names and too many channels', async () => {
    const session = await open({ maxStreams: 2 })
    const channel = session.stream('a')
    await expect(channel.write({ f: () => {} })).rejects.toMatchObject({ code: 'STREAM_VALUE_NOT_SENDABLE' })
    await expect(channel.write('x'.repeat(9_000_000))).rejects.toMatchObject({ code: 'STREAM_VALUE_NOT_SENDABLE' })
    for (const reserved of ['capsule:mine', 'capsule-call:call-1']) {
      expect(() => session.stream(reserved)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    }
    expect(() => session.stream('')).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    session.stream('b')
    expect(() => session.stream('c')).toThrow(expect.objectContaining({ code: 'STREAM_LIMIT' }))
    const { outcome } = await session.run(`const codes = []
const codeOf = async (run) => { try { await run(); codes.push('none') } catch (error) { codes.push(error.code) } }
await codeOf(() => capsule.stream('capsule:mine'))
await codeOf(() => capsule.stream('capsule-call:call-1'))
await codeOf(() => capsule.stream(5))
await codeOf(() => capsule.stream('x', { windowBytes: 0 }))
await codeOf(() => capsule.stream('a').write(Symbol()))
capsule.stream('c'); capsule.stream('d')
await codeOf(() => capsule.stream('e'))
codes`)
    expect(outcome.value).toEqual([
      'INVALID_OPTIONS',
      'INVALID_OPTIONS',
      'INVALID_OPTIONS',
      'INVALID_OPTIONS',
      'STREAM_VALUE_NOT_SENDABLE',
      'STREAM_LIMIT',
    ])
    expect(session.info().counters.invalidMessages).toBe(0)
  })

  it('outlives a cancelled cell, whose reads and writes reject', async () => {
    const session = await open()
    const channel = session.stream('kept', { windowBytes: 2000 })
    const reading = session.execute('for await (const each of capsule.stream("kept")) console.log(each)')
    await channel.write('one')
    for await (const event of reading) if (event.type === 'output') void reading.cancel()
    expect(await reading.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    const writing = session.execute(
      'console.log("in"); const big = capsule.stream("kept").write("x".repeat(1500)); await capsule.stream("kept").write("y".repeat(1500))',
    )
    for await (const event of writing) if (event.type === 'output') void writing.cancel()
    expect(await writing.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    expect(await channel.read()).toMatchObject({ value: 'x'.repeat(1500) })
    await channel.write('two')
    const { outcome } = await session.run(
      'const kept = capsule.stream("kept"); const { value } = await kept.read(); await kept.write("three"); value',
    )
    expect(outcome.value).toBe('two')
    expect(await channel.read()).toMatchObject({ value: 'three' })
  })

  it('gives up waiting when its signal fires', async () => {
    const session = await open()
    const channel = session.stream('nobody')
    const abort = new AbortController()
    const waits = [channel.write('never', { signal: abort.signal }), channel.read({ signal: abort.signal })]
    abort.abort()
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'CANCELLED' })
    const run = session.run('(await capsule.stream("nobody").read()).value')
    await channel.write('now')
    expect((await run).outcome.value).toBe('now')
  })

  it('ends with its worker: what had arrived can be read, then comes why', async () => {
    const arrived = Promise.withResolvers<void>()
    const received = ({ type }: { type?: unknown }): void => {
      if (type === 'stream-data') arrived.resolve()
    }
    const session = await open({ interceptors: [{ name: 'arrival', received }] })
    const channel = session.stream('ends')
    await session.run('await capsule.stream("ends").write("last words")')
    await arrived.promise
    const failed = codeOf(channel.write(new Uint8Array(3_000_000)))
    const restarted = new Promise((resolve) => session.events.once('restarted', resolve))
    const { outcome } = await session.run('process.kill(process.pid, "SIGKILL"); for (;;) {}')
    expect(outcome.status).toBe('crashed')
    expect(await failed).toBe('WORKER_EXITED')
    await channel.closed
    expect(await channel.read()).toMatchObject({ value: 'last words' })
    await expect(channel.read()).rejects.toMatchObject({ code: 'WORKER_EXITED' })
    await restarted
    const again = session.stream('ends')
    expect(again).not.toBe(channel)
    const next = session.run('(await capsule.stream("ends").read()).value')
    await again.write('afresh')
    expect((await next).outcome.value).toBe('afresh')
    const closed = codeOf(session.stream('open').read())
    await session.shutdown()
    expect(await closed).toBe('SESSION_CLOSED')
    expect(() => session.stream('open')).toThrow(expect.objectContaining({ code: 'SESSION_CLOSED' }))
  })

  it('holds up neither output, heartbeats nor cancel while nobody reads it', async () => {
    const session = await open({ settings: { heartbeatMs: 20 } })
    const channel = session.stream('stalled', { windowBytes: 10_000 })
    const toCell = codeOf(channel.write(new Uint8Array(5_000_000)))
    const execution = session.execute(
      'const stalled = capsule.stream("stalled"); console.log("x".repeat(100_000)); await stalled.write(new Uint8Array(1_000_000))',
    )
    let printed = 0
    for await (const event of execution) {
      if (event.type !== 'output') continue
      printed += event.text.length
      if (printed < 100_001) continue
      await new Promise((resolve) => session.events.once('heartbeat', resolve))
      void execution.cancel()
    }
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    expect((await session.run('console.log("still"); 1')).stdout).toBe('still\n')
    await session.run('stalled.cancel("not wanted")')
    expect(await toCell).toBe('STREAM_CANCELLED')
  })

  it.runIf(preemptive)('is not held up by output that nobody reads', async () => {
    const settings = { outputBufferBytes: 1024 * 1024 }
    const session = await open({ outputWindowBytes: 16 * 1024, settings })
    const channel = session.stream('beside')
    const execution = session.execute(
      'for (let i = 0; i < 500; i++) console.log("x".repeat(1000)); const beside = capsule.stream("beside"); for await (const chunk of beside) await beside.write(chunk); await beside.end(); 1',
    )
    const events = execution[Symbol.asyncIterator]()
    let printed = 0
    const take = async (): Promise<boolean> => {
      const { done, value } = await events.next()
      if (done !== true && value.type === 'output') printed += value.text.length
      return done === true
    }
    await take()
    const sending = channel.write(bytes(2_000_000)).then(() => channel.end())
    let length = 0
    for await (const chunk of channel) length += (chunk as Uint8Array).length
    await sending
    expect(length).toBe(2_000_000)
    expect(printed).toBeLessThan(500 * 1001)
    while (!(await take()));
    expect(printed).toBe(500 * 1001)
    expect(await execution.outcome).toMatchObject({ status: 'ok', value: 1 })
  })

  it.runIf(preemptive)('works on after a hard cancel in the middle of a transfer', async () => {
    const session = await open({ graceMs: deadlineMs })
    const channel = session.stream('hard', { windowBytes: 50_000 })
    for (let round = 0; round < 5; round++) {
      const looping = session.execute(
        `const hard = capsule.stream("hard"); void hard.write(new Uint8Array(200_000).fill(${round})); for await (const each of hard) { console.log("in"); for (;;) {} }`,
      )
      await channel.write(`start ${round}`)
      const writing = channel.write(new Uint8Array(200_000).fill(round))
      for await (const event of looping) if (event.type === 'output') void looping.cancel()
      expect(await looping.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
      // what the cell had begun to write comes whole, and what the host wrote is there for the next cell
      for (let rest = 200_000; rest > 0;) {
        const { value } = await channel.read()
        expect(new Set(value as Uint8Array)).toEqual(new Set([round]))
        rest -= (value as Uint8Array).length
      }
      const taken = await session.run(
        'let rest = 200_000; while (rest > 0) rest -= (await capsule.stream("hard").read()).value.length; rest',
      )
      expect(taken.outcome.value).toBe(0)
      await writing
    }
  })
}

/** Writes until it is refused. */
async function writeOn(channel: ReturnType<Session['stream']>): Promise<void> {
  for (;;) await channel.write(new Uint8Array(100_000))
}

/** The code that a promise rejects with. */
function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'none',
    (error: { code: string }) => error.code,
  )
}
