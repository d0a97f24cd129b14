import { readFileSync } from 'node:fs'
import { createCapsule } from '@capsule/host'
import { createMemoryCheckpointStore } from '@capsule/session'
import { expect, it } from 'vitest'

/** `npm test` runs a short one; `CAPSULE_SOAK_CELLS=10000` is the whole. */
const cells = Number(process.env['CAPSULE_SOAK_CELLS'] ?? 600)
const every = Math.min(100, cells / 6)
// unit: MB
const growthLimit = 64

const codes: readonly ((n: number) => string)[] = [
  (n) => `const value = ${n}; value + 1`,
  (n) => `let list = Array.from({ length: 100 }, (_, i) => i + ${n}); list.length`,
  (n) => `function twice(x) { return x * 2 + ${n} } twice(2)`,
  (n) => `class Counter { n = ${n}; next() { return ++this.n } }; const counter = new Counter(); counter.next()`,
  (n) => `const waited = await Promise.resolve(${n}); console.log(waited)`,
  (n) => `var seen = (globalThis.seen ?? []).slice(-50).concat(${n}); seen.length`,
  (n) => `throw new Error("failure ${n}")`,
]

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

it.runIf(process.platform === 'linux').each(['threaded', 'async'] as const)(
  'many cells with a checkpoint every so often leave nothing behind: %s',
  { timeout: 600_000 },
  async (executor) => {
    const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
    const listenersBefore = listeners()
    const capsule = await createCapsule({ executor })
    const store = createMemoryCheckpointStore({ retention: { maxCheckpoints: 4 } })
    const session = await capsule.createSession({ checkpoints: { store, every } })
    const pid = session.info().worker?.pid ?? 0
    const runTo = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        const { outcome } = await session.run(codes[n % codes.length]?.(n) ?? '')
        expect(outcome).toMatchObject({ state: 'kept', status: n % codes.length === 6 ? 'error' : 'ok' })
      }
    }
    let kept = 0
    session.events.on('checkpoint', () => kept++)
    const warmCells = cells / 5
    await runTo(0, warmCells)
    const before = { host: residentMb(process.pid), worker: residentMb(pid) }
    await runTo(warmCells, cells)
    const growth = { host: residentMb(process.pid) - before.host, worker: residentMb(pid) - before.worker }
    if (process.env['CAPSULE_SOAK_CELLS'] !== undefined) console.log(executor, cells, growth)
    expect(growth.worker).toBeLessThan(growthLimit)
    expect(growth.host).toBeLessThan(growthLimit)
    await session.run('1')
    expect(kept).toBe(Math.floor(cells / every))
    const [last] = await store.list()
    await session.restore(last?.id ?? '')
    expect((await session.run('twice(1) > 2')).outcome.value).toBe(true)
    await capsule.shutdown()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect(listeners()).toBe(listenersBefore)
  },
)
