import type { ExecutionEvent, Session } from '@capsule/session'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Capsule, createCapsule } from '../src/index.ts'

let capsule: Capsule
let session: Session

beforeAll(async () => {
  capsule = await createCapsule({ isolation: 'process', session: { modules: true } })
  session = await capsule.createSession()
})
afterAll(() => capsule[Symbol.asyncDispose]())

async function firstEvent(events: AsyncIterable<ExecutionEvent>): Promise<ExecutionEvent> {
  for await (const event of events) return event
  throw new Error('the execution ended without an event')
}

/** Prints a mark first, so that the cancel is known to hit the running cell. */
const hardCases: Readonly<Record<string, string>> = {
  'a synchronous loop': 'while (true) {}',
  'a promise that never settles': 'await new Promise(() => {})',
  'a microtask storm': 'for (;;) await null',
  'a loop in try and in finally': 'try { while (true) {} } finally { while (true) {} }',
  'a loop after an await': 'await null; while (true) {}',
  'a loop in a timer callback':
    'await new Promise(() => setTimeout(() => { console.log("in the timer"); while (true) {} }, 0))',
  'a long regular expression': '/^(a+)+$/.test("a".repeat(50) + "b")',
  'Atomics.wait': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'a pending prompt()': 'prompt("?")',
  'a pending input()': 'await input("?")',
  'a cell that swallows the cancellation': 'for (;;) { try { await new Promise(() => {}) } catch {} }',
  'a cell that swallows it in a loop of awaits': 'for (;;) { try { for (;;) await null } catch {} }',
  'a nextTick ping-pong': 'const spin = () => process.nextTick(spin); spin(); await new Promise(() => {})',
  'an array native': 'for (;;) new Array(1e5).fill(0).map(String).sort().join()',
  WebAssembly: `const bytes = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 115, 112,
    105, 110, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]); (await WebAssembly.instantiate(bytes)).instance.exports.spin()`,
}

describe('cancel keeps the namespace', () => {
  for (const [name, code] of Object.entries(hardCases)) {
    it(`in ${name}`, async () => {
      await session.run('var kept = { list: [1, 2, 3] }; function twice(x) { return 2 * x }')
      const execution = session.execute(`console.log("started"); ${code}`)
      const events = execution[Symbol.asyncIterator]()
      expect((await events.next()).value).toMatchObject({ type: 'output', text: expect.stringMatching(/^started\n/) })
      const outcome = await execution.cancel({ graceMs: 10_000 })
      expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
      expect(outcome.cancelRung).toBeOneOf([1, 2])
      const { outcome: after } = await session.run('[kept.list.length, twice(4)].join()')
      expect(after).toMatchObject({ status: 'ok', value: '3,8' })
    })
  }

  it('clears the timers of the cancelled cell, so that none of them blocks the session later', async () => {
    await session.run('var kept = { list: [1, 2, 3] }')
    const execution = session.execute(
      'console.log("s"); setTimeout(() => { while (true) {} }, 50); setInterval(() => { for (;;) {} }, 50); await new Promise(() => {})',
    )
    await firstEvent(execution)
    expect(await execution.cancel()).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    const { outcome } = await session.run('await new Promise((r) => setTimeout(r, 100)); kept.list.length', {
      timeoutMs: 10_000,
    })
    expect(outcome).toMatchObject({ status: 'ok', value: 3 })
  })

  it('in a cell whose output is blocked on a slow reader', async () => {
    await session.run('var kept = { list: [1, 2, 3] }; function twice(x) { return 2 * x }')
    const execution = session.execute('for (let i = 0; ; i++) console.log("x".repeat(1000))')
    // one event taken, then no more: credit runs out, the buffers fill, console.log waits
    await firstEvent({ [Symbol.asyncIterator]: () => ({ next: () => execution[Symbol.asyncIterator]().next() }) })
    const outcome = await execution.cancel({ graceMs: 10_000 })
    expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    const { outcome: after } = await session.run('[kept.list.length, twice(4)].join()')
    expect(after).toMatchObject({ status: 'ok', value: '3,8' })
  })

  it('runs finally blocks of a cell that waits, and marks only terminated cells tainted', async () => {
    const waiting = session.execute(
      'console.log("s"); try { await new Promise(() => {}) } finally { var cleaned = true }',
    )
    await firstEvent(waiting)
    const cooperative = await waiting.cancel()
    expect(cooperative).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
    expect(cooperative.tainted).toBeUndefined()
    expect((await session.run('cleaned')).outcome.value).toBe(true)
    const spinning = session.execute('console.log("s"); for (;;) {}')
    await firstEvent(spinning)
    expect(await spinning.cancel()).toMatchObject({ state: 'kept', cancelRung: 2, tainted: true })
    expect(session.info().tainted).toBe(true)
  })

  it('aborts the signal of the cell', async () => {
    const execution = session.execute(
      'console.log("s"); await new Promise((_, no) => capsule.signal.addEventListener("abort", () => { globalThis.seen = capsule.signal.reason.code; no(capsule.signal.reason) }))',
    )
    await firstEvent(execution)
    expect(await execution.cancel()).toMatchObject({ status: 'cancelled', cancelRung: 1 })
    expect((await session.run('seen')).outcome.value).toBe('CANCELLED')
  })
})

describe('what cannot be stopped', () => {
  it('is killed after the grace, and the outcome says that the namespace is lost', async () => {
    const own = await capsule.createSession()
    await own.run('var before = 1')
    const execution = own.execute(
      'console.log("s"); require("child_process").execFileSync("sleep", ["60"], { env: { PATH: "/bin:/usr/bin" } })',
    )
    await firstEvent(execution)
    const outcome = await execution.cancel({ graceMs: 200 })
    expect(outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
    expect((await own.run('typeof before')).outcome).toMatchObject({ status: 'ok', value: 'undefined' })
    await own.shutdown()
  })
})

describe('late code', () => {
  it('that spins after its cell has settled is stopped by interrupt, and the session goes on', async () => {
    const own = await capsule.createSession()
    await own.run('var kept = 5')
    const late = new Promise<ExecutionEvent>((resolve) => own.events.once('late', resolve))
    await own.run('setTimeout(() => { console.log("spinning"); for (;;) {} }, 5)')
    expect(await late).toMatchObject({ type: 'output', text: 'spinning\n', late: true })
    await own.interrupt()
    expect((await own.run('kept', { timeoutMs: 10_000 })).outcome).toMatchObject({ status: 'ok', value: 5 })
    await own.shutdown()
  })

  it('does not swallow the next cell: cancelling it drops it and frees the session', async () => {
    const own = await capsule.createSession()
    await own.run('var kept = 5')
    const late = new Promise<ExecutionEvent>((resolve) => own.events.once('late', resolve))
    await own.run('setTimeout(() => { console.log("spinning"); for (;;) {} }, 5)')
    await late
    const outcome = await own.execute('kept = 6').cancel({ graceMs: 10_000 })
    expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    expect((await own.run('kept', { timeoutMs: 10_000 })).outcome).toMatchObject({ status: 'ok', value: 5 })
    await own.shutdown()
  })
})
