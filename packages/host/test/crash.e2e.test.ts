import type { Outcome, Session } from '@capsule/session'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Capsule, createCapsule } from '../src/index.ts'

let capsule: Capsule
beforeAll(async () => {
  capsule = await createCapsule({ isolation: 'process', session: { modules: true } })
})
afterAll(() => capsule.shutdown())

/** Of a cell that is known to have started. */
async function outcomeOf(session: Session, code: string): Promise<Outcome> {
  const execution = session.execute(`console.error("last words"); ${code}`)
  for await (const event of execution) if (event.type === 'output') break
  return execution.outcome
}

/** How a worker can die in the middle of a cell, and what the outcome must say of it. */
const deaths: Readonly<Record<string, { code: string; exit: object; errorCode?: string }>> = {
  'process.exit()': { code: 'process.exit(3)', exit: { code: 3, signal: null } },
  'process.exit() behind an await': { code: 'await null; process.exit(4)', exit: { code: 4, signal: null } },
  'process.exit() in a timer while the cell waits': {
    code: 'setTimeout(() => process.exit(5), 1); await new Promise(() => {})',
    exit: { code: 5, signal: null },
  },
  'process.abort()': { code: 'process.abort()', exit: { code: null, signal: 'SIGABRT' } },
  SIGSEGV: { code: 'process.kill(process.pid, "SIGSEGV"); for (;;) {}', exit: { code: null, signal: 'SIGSEGV' } },
  'SIGKILL from inside': {
    code: 'process.kill(process.pid, "SIGKILL"); for (;;) {}',
    exit: { code: null, signal: 'SIGKILL' },
  },
  SIGTERM: { code: 'process.kill(process.pid, "SIGTERM"); for (;;) {}', exit: { code: null, signal: 'SIGTERM' } },
  'a heap without end': {
    code: 'const all = []; for (;;) all.push(new Array(1000).fill(all.length))',
    exit: { signal: 'SIGABRT' },
    errorCode: 'WORKER_OUT_OF_MEMORY',
  },
  'its protocol pipe closed by the cell': {
    code: 'require("fs").closeSync(4); await new Promise(() => {})',
    exit: {},
  },
}

describe('a worker that dies in the middle of a cell', () => {
  for (const [name, { code, exit, errorCode }] of Object.entries(deaths)) {
    it(`settles it with the cause: ${name}`, async () => {
      const session = await capsule.createSession({ maxHeapMb: 48 })
      await session.run('var before = 1')
      const outcome = await outcomeOf(session, code)
      expect(outcome).toMatchObject({ status: 'crashed', state: 'lost', exit })
      expect(outcome.error?.code).toBe(errorCode ?? 'WORKER_EXITED')
      expect((await session.run('typeof before', { timeoutMs: 10_000 })).outcome).toMatchObject({
        status: 'ok',
        value: 'undefined',
      })
      await session.shutdown()
    })
  }

  it('settles every kind of pending call when it is killed from outside', async () => {
    const session = await capsule.createSession()
    const cell = session.execute('console.log("in"); await input("never answered")')
    const events = cell[Symbol.asyncIterator]()
    await events.next()
    const pid = session.info().worker?.pid ?? 0
    const inspected = session.inspect({ what: 'namespace' }).then(
      () => 'answered',
      (error: { code: string }) => error.code,
    )
    const cancelled = cell.cancel({ graceMs: 60_000 })
    process.kill(pid, 'SIGKILL')
    expect((await cell.outcome).state).toBeOneOf(['lost', 'kept'])
    expect(await cancelled).toBe(await cell.outcome)
    expect(await inspected).toBeTypeOf('string')
    await session.shutdown()
  })

  it('gives the tail of what native code wrote to stderr', async () => {
    const session = await capsule.createSession()
    const { outcome } = await session.run(
      'require("child_process").execFileSync("/bin/sh", ["-c", "echo from native code >&2"], { stdio: "inherit" }); process.abort()',
    )
    expect(outcome).toMatchObject({ status: 'crashed', exit: { signal: 'SIGABRT' } })
    expect(outcome.exit?.stderrTail).toContain('from native code')
    await session.shutdown()
  })
})

describe('a worker that dies between cells', () => {
  it('is reported by the next outcome, once, and the session goes on', async () => {
    const session = await capsule.createSession()
    await session.run('var before = 1')
    const crashed = new Promise((resolve) => session.events.once('crashed', resolve))
    process.kill(session.info().worker?.pid ?? 0, 'SIGKILL')
    expect(await crashed).toMatchObject({ signal: 'SIGKILL' })
    expect((await session.run('before')).outcome).toMatchObject({ status: 'crashed', state: 'lost' })
    expect((await session.run('typeof before')).outcome).toMatchObject({ status: 'ok', value: 'undefined' })
    await session.shutdown()
  })
})
