import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { going } from './going-execution.ts'
import type { ExecutionEvent, Session, SessionOptions } from './session.ts'

type Open = (options?: SessionOptions) => Promise<Session>

const sleep = (ms: number): string => `await new Promise((go) => setTimeout(go, ${ms}))`
const valueOf = async (session: Session, code: string): Promise<unknown> => (await session.run(code)).outcome.value

/** An empty namespace in the same worker, on a real worker. */
export function describeReset(open: Open, { preemptive, modules }: { preemptive: boolean; modules: boolean }): void {
  describeEmptying(open)
  describeStopping(open)
  describeForgetting(open)
  describeLeftovers(open, modules)
  describeStubborn(open, { preemptive, modules })
}

function describeEmptying(open: Open): void {
  it('is reset: the same worker, and nothing of the cells before', async () => {
    const session = await open({ warmup: ['var warm = (globalThis.warm ?? 0) + 1'] })
    const names =
      '[typeof a, typeof f, typeof C, typeof g, typeof _, typeof In[1], Object.keys(Out).length, typeof exports.x]'
    const fresh = await valueOf(session, names)
    await session.run('const a = 1; function f() {} class C {} globalThis.g = 2; exports.x = 1; Out.own = 5; _ = 7')
    const { pid } = session.info().worker ?? {}
    await session.reset()
    expect(session.history()).toEqual([])
    const { outcome } = await session.run(names)
    expect(outcome).toMatchObject({ cell: 1, value: fresh })
    expect(await valueOf(session, 'warm')).toBe(1)
    expect(session.info()).toMatchObject({
      generation: 1,
      worker: { pid },
      counters: { restarts: 0 },
      warmup: [{ label: 'warm-up cell 0', status: 'ok' }],
    })
  })

  it('gives the globals back that cells overwrote or deleted', async () => {
    const session = await open()
    const names =
      '[Array.isArray([]), typeof fetch, typeof setTimeout, typeof display, typeof require, typeof process.pid, typeof queueMicrotask]'
    const fresh = await valueOf(session, names)
    await session.run(`delete globalThis.fetch; setTimeout = 5; delete globalThis.display
var require = 1, process = 2; globalThis.Array = 3; delete globalThis.queueMicrotask`)
    await session.reset()
    expect(await valueOf(session, names)).toEqual(fresh)
  })
}

function describeStopping(open: Open): void {
  it('stops what earlier cells left pending', async () => {
    const session = await open()
    const late: ExecutionEvent[] = []
    session.events.on('late', (event) => late.push(event))
    await session.run(`const mark = (what) => { globalThis.marks = [...(globalThis.marks ?? []), what] }
setInterval(() => mark('interval'), 5)
const again = () => setTimeout(() => { mark('timeout'); again() }, 5); again();
(async () => { for (;;) { await new Promise((go) => setTimeout(go, 5)); mark('loop') } })();
(async () => { for (;;) { try { await new Promise((go) => setTimeout(go, 5)) } catch {} mark('stubborn') } })()
const chain = new Promise((go) => setTimeout(go, 40)).then(() => mark('chain')).then(() => mark('chain'))
new Promise((go) => setTimeout(go, 1e6)).finally(() => { setInterval(() => mark('from finally'), 5) })
capsule.signal.addEventListener('abort', () => { setInterval(() => mark('from abort'), 5) })`)
    expect(await valueOf(session, `${sleep(30)}; new Set(marks).size`)).toBeGreaterThanOrEqual(4)
    await session.reset()
    late.length = 0
    expect(await valueOf(session, `${sleep(80)}; globalThis.marks`)).toBeUndefined()
    expect(late).toEqual([])
  })

  it('ends what runs and what waits, which lose their namespace', async () => {
    const session = await open()
    const running = session.execute('const a = 1; console.log("runs"); await new Promise(() => {})')
    await running[Symbol.asyncIterator]().next()
    const waiting = session.execute('2', { queue: true })
    const resetting = session.reset()
    const next = session.execute('typeof a', { queue: true })
    expect(await running.outcome).toMatchObject({ status: 'cancelled', state: 'lost' })
    expect(await waiting.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 0 })
    await resetting
    expect(await next.outcome).toMatchObject({ status: 'ok', state: 'kept', value: 'undefined', cell: 1 })
  })
}

function describeForgetting(open: Open): void {
  it('forgets keys, checkpoints to come back to, and what was restored', async () => {
    const session = await open({ checkpoints: { recover: true } })
    await session.run('var n = 1')
    await session.restore(await session.checkpoint())
    const first = await session.run('n', { idempotencyKey: 'key' })
    await session.reset()
    expect(session.info()).not.toHaveProperty('restored')
    const second = await session.run('typeof n', { idempotencyKey: 'key' })
    expect(second.outcome).toMatchObject({ value: 'undefined' })
    expect(second.outcome.executionId).not.toBe(first.outcome.executionId)
    const crash = await session.run('process.kill(process.pid, "SIGKILL"); for (;;) {}')
    expect(crash.outcome).toMatchObject({ status: 'crashed', state: 'lost' })
  })

  it('ends channels, and their names are free', async () => {
    const session = await open()
    const old = session.stream('data')
    await session.run(`const own = capsule.stream('data'); await own.write('unread'); void own.read().catch(() => {})`)
    await session.reset()
    await old.closed
    expect(await old.read()).toMatchObject({ done: true })
    const fresh = session.stream('data')
    const running = session.execute(
      `const own = capsule.stream('data'); const { value } = await own.read(); await own.write(value * 2)`,
    )
    await fresh.write(21)
    expect((await fresh.read()).value).toBe(42)
    expect(await running.outcome).toMatchObject({ status: 'ok' })
  })

  it('puts the environment and the working directory back', async () => {
    const session = await open()
    const look = '[process.cwd(), process.env.CAPSULE_TEST_X, process.env.PATH]'
    const fresh = await valueOf(session, look)
    await session.run(`process.chdir('/'); process.env.CAPSULE_TEST_X = '1'; process.env.PATH = '/nowhere'`)
    await session.reset()
    expect(await valueOf(session, look)).toEqual(fresh)
  })
}

const openTimer: readonly [string, string] = [
  '(await import("node:timers")).setInterval(() => {}, 1e6)',
  'what is open in Node: Timeout',
]

function describeLeftovers(open: Open, modules: boolean): void {
  it.each<readonly [string, string]>([
    ['Array.prototype.extra = 1', 'Array.prototype.extra'],
    ['Object.prototype.extra = 1', 'Object.prototype.extra'],
    ['Math.random = () => 4', 'Math.random'],
    ['delete String.prototype.at', 'String.prototype.at'],
    ['Object.freeze(Map.prototype)', 'Map.prototype, which is no longer extensible'],
    ['Object.setPrototypeOf(Array.prototype, {})', 'the prototype of Array.prototype'],
    ['JSON.stringify = new Proxy(JSON.stringify, {})', 'JSON.stringify'],
    ['process.on("exit", () => {})', "listeners of process for 'exit'"],
    ['process.extra = 1', 'process.extra'],
    ['console.log = () => {}', 'console.log'],
    ['Object.defineProperty(globalThis, "fixed", { value: 1 })', 'globalThis.fixed'],
    ['Response = class {}', 'globalThis.Response'],
    ['delete globalThis.FormData', 'globalThis.FormData'],
    ...(modules ? [openTimer] : []),
    ['Object.freeze(In)', 'In and Out'],
  ])('says what is left of %s', async (code, left) => {
    const session = await open()
    await session.run(`const a = 1; ${code}`)
    const refused = await session.reset().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'RESET_INCOMPLETE', details: { left: expect.arrayContaining([left]) } })
    await session.restart()
    await session.reset()
  })

  it('finds nothing left of what cells usually do', async () => {
    const session = await open()
    for (const code of [
      'console.log("x"); console.error(new Error("y")); ({ a: [1, new Map([[1, 2]])] })',
      'new Intl.DateTimeFormat("de").format(0) + new Date(0).toLocaleString() + structuredClone({ a: 1 }).a',
      'new URL("http://a.b/c?d").searchParams.get("d"); new TextEncoder().encode("x"); btoa("x"); new Headers(); new Response("x")',
      'await new Response("x").text(); await Promise.allSettled([Promise.reject(1)]); performance.now(); crypto.randomUUID()',
      'const { a, ...rest } = { a: 1, b: 2 }; class A { #x = 1; get x() { return this.#x } } new A().x',
      'async function* numbers() { yield 1; yield 2 } const all = []; for await (const n of numbers()) all.push(n); all',
      'new Proxy({}, {}); new WeakRef({}); new FinalizationRegistry(() => {}); new SharedArrayBuffer(8); Symbol("x")',
      'const x: number = 1; enum E { A } E.A',
      'display("x"); progress(1, 2); null.x',
    ])
      await session.run(code)
    await session.reset()
    await session.run('1')
    await expect(session.reset()).resolves.toBeUndefined()
  })
}

function describeStubborn(open: Open, { preemptive, modules }: { preemptive: boolean; modules: boolean }): void {
  it.runIf(preemptive)('says that it cannot be reset after a hard cancel', async () => {
    const session = await open({ graceMs: 10_000 })
    const execution = session.execute('console.log("on"); for (;;) {}')
    for await (const { type } of execution) if (type === 'output') void execution.cancel()
    expect(session.info().tainted).toBe(true)
    await expect(session.reset()).rejects.toMatchObject({ code: 'RESET_INCOMPLETE' })
  })

  it('terminates late code that never ends, or replaces the worker, and says so', async () => {
    // where it cannot be terminated the worker is replaced after the grace
    const session = await open({ graceMs: preemptive ? 10_000 : 1500 })
    const isLate = new Promise((resolve) => session.events.once('late', resolve))
    await session.run('var a = 1; setTimeout(() => { console.log("late"); for (;;) {} }, 20); 1')
    await isLate
    await expect(session.reset()).rejects.toMatchObject({ code: preemptive ? 'RESET_INCOMPLETE' : 'REQUEST_TIMED_OUT' })
    expect(session.info()).toMatchObject({ state: 'ready', generation: preemptive ? 1 : 2 })
    expect(await valueOf(session, 'typeof a')).toBe('undefined')
  })

  it.runIf(modules)('says what modules cells have loaded, but not those of the warm-up', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'capsule-reset-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    const [warm, cold] = [join(dir, 'warm.mjs'), join(dir, 'cold.mjs')]
    await Promise.all([warm, cold].map((path) => writeFile(path, 'export const state = {}')))
    const importing = (path: string): string => `await import(${JSON.stringify(path)}); await import('node:path')`
    const session = await open({
      modules: true,
      warmup: [`process.env.CAPSULE_TEST_W = 'w'; ${importing(warm)}`],
    } as SessionOptions)
    await session.run(importing(warm))
    await session.reset()
    expect(await valueOf(session, 'process.env.CAPSULE_TEST_W')).toBe('w')
    await session.run(importing(cold))
    await expect(session.reset()).rejects.toMatchObject({ details: { left: [`the module ${cold}`] } })
  })

  it('replaces a worker whose cell does not stop', async () => {
    const session = await open({ graceMs: 200 })
    // a sort of numbers is one call of the engine, which nothing interrupts: it takes several times the grace
    const numbers = 'new Uint32Array(2 ** 24).map((_, i) => Math.imul(i, 2654435761))'
    const stuck = await going(session, `var a = ${numbers}; console.log('go'); await null; for (;;) a.sort()`)
    // one that the executor could end after all leaves its worker tainted
    const refused = await session.reset().catch((error: { code: string }) => error)
    expect([undefined, 'RESET_INCOMPLETE']).toContain(refused?.code)
    expect(await stuck.outcome).toMatchObject({ status: 'cancelled', state: 'lost' })
    expect(await valueOf(session, 'typeof a')).toBe('undefined')
  })
}
