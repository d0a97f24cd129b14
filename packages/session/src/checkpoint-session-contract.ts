import { expect, it } from 'vitest'
import { createMemoryCheckpointStore } from './checkpoint/memory-checkpoint-store.ts'
import type { Session, SessionOptions } from './session.ts'

type Open = (options?: SessionOptions) => Promise<Session>

/** Checkpoints, forks, recovery and transactions, on a real worker. */
export function describeCheckpoints(open: Open, preemptive: boolean): void {
  it('carries the namespace to another session', async () => {
    const first = await open()
    await first.run(`const shared = { n: 1 }
class Point { constructor(x) { this.x = x; this.of = shared } twice() { return this.x * 2 } }
const point = new Point(21), pair = [shared, shared]; let calls = 0
function count() { return ++calls }
const timer = setTimeout(() => {}, 1e6)`)
    await first.run('6 * 7')
    const checkpoint = await first.checkpoint({ name: 'made' })
    expect(checkpoint).toMatchObject({ name: 'made', sessionId: first.sessionId, cell: 2 })
    expect(checkpoint.report).toContainEqual({ name: 'shared', status: 'restored' })
    expect(checkpoint.report).toContainEqual({ name: 'Point', status: 're-evaluated' })
    expect(checkpoint.report).toContainEqual(
      expect.objectContaining({ name: 'timer', status: 'skipped', reason: 'open-handle' }),
    )
    const second = await open()
    const { report } = await second.restore(checkpoint.bytes)
    expect(report.find(({ name }) => name === 'point')).toEqual({ name: 'point', status: 'restored' })
    const code =
      '[point.twice(), point instanceof Point, point.of === shared, pair[0] === pair[1], count(), typeof timer, _, In[1].length > 9]'
    expect((await second.run(code)).outcome.value).toEqual([42, true, true, true, 1, 'undefined', 42, true])
    expect(second.info().restored).toMatchObject({ checkpointId: checkpoint.id, mode: 'replace' })
  })

  it('replaces the namespace, or merges into it', async () => {
    const session = await open()
    await session.run('const a = 1, b = 2')
    const checkpoint = await session.checkpoint()
    await session.run('const b = 3, c = 4')
    await session.restore(checkpoint, { mode: 'merge' })
    expect((await session.run('[a, b, c]')).outcome.value).toEqual([1, 2, 4])
    await session.restore(checkpoint.id)
    expect((await session.run('[a, b, typeof c]')).outcome.value).toEqual([1, 2, 'undefined'])
    const reassigned = await session.run('a = 5')
    expect(reassigned.outcome).toMatchObject({ status: 'error', error: { name: 'TypeError' } })
  })

  it('refuses a damaged checkpoint and leaves the namespace untouched', async () => {
    const session = await open()
    await session.run('const precious = { n: 1 }')
    const { bytes } = await session.checkpoint()
    for (const damaged of [bytes.slice(0, -5), bytes.slice(0, 20), bytes.with(bytes.length >> 1, 7)]) {
      await expect(session.restore(damaged)).rejects.toMatchObject({ code: expect.stringMatching(/^CHECKPOINT_/) })
    }
    await expect(session.restore('no-such-id')).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' })
    expect((await session.run('precious.n')).outcome.value).toBe(1)
  })

  it('forks: two sessions go on from one namespace', async () => {
    const session = await open()
    await session.run('let n = 1; const add = (m) => (n += m)')
    await using fork = await session.fork()
    await fork.run('add(10)')
    await session.run('add(1)')
    expect((await fork.run('n')).outcome.value).toBe(11)
    expect((await session.run('n')).outcome.value).toBe(2)
    expect(fork.info().restored?.report).toContainEqual({ name: 'n', status: 'restored' })
    expect(fork.sessionId).not.toBe(session.sessionId)
  })

  it('waits for the cell that runs, and the next cell waits for it', async () => {
    const session = await open()
    const running = session.execute('let a = 1; await new Promise((go) => setTimeout(go, 30)); a = 2')
    const checkpoint = session.checkpoint()
    const next = session.execute('a = 3', { queue: true })
    expect(await running.outcome).toMatchObject({ status: 'ok' })
    expect(await next.outcome).toMatchObject({ status: 'ok', value: 3 })
    await session.restore(await checkpoint)
    expect((await session.run('a')).outcome.value).toBe(2)
  })

  it('takes checkpoints by policy, and goes back to any of them', async () => {
    const store = createMemoryCheckpointStore()
    const before = (code: string): boolean => code.includes('risky')
    const session = await open({ checkpoints: { store, every: 2, before } })
    for (let n = 0; n < 4; n++) await session.run(`var n = ${n}`)
    await session.run('n = "risky"')
    const kept = session.history().filter(({ checkpointId }) => checkpointId !== undefined)
    expect(kept.map(({ code }) => code)).toEqual(['var n = 1', 'var n = 3'])
    expect(await store.list()).toHaveLength(3)
    await session.restore(kept[0]?.checkpointId ?? '')
    expect((await session.run('n')).outcome.value).toBe(1)
  })

  it('starts the worker that takes over from the last checkpoint, and says so', async () => {
    const session = await open({ checkpoints: { recover: true } })
    await session.run('let n = 1')
    const crash = 'n = 2; process.kill(process.pid, "SIGKILL"); for (;;) {}'
    expect((await session.run(crash)).outcome).toMatchObject({ status: 'crashed', state: 'lost' })
    await session.run('let n = 5')
    const { id } = await session.checkpoint()
    expect((await session.run(crash)).outcome).toMatchObject({
      status: 'crashed',
      state: 'rolled-back',
      checkpointId: id,
    })
    expect((await session.run('n')).outcome.value).toBe(5)
    await session.restart()
    expect((await session.run('typeof n')).outcome.value).toBe('undefined')
    expect((await session.run('process.exit(1)')).outcome).toMatchObject({ status: 'crashed', state: 'lost' })
  })

  it.runIf(!preemptive)('starts from the last checkpoint after a kill', async () => {
    const session = await open({ checkpoints: { recover: true } })
    await session.run('let n = 1')
    const { id } = await session.checkpoint()
    const { outcome } = await session.run('n = 2; for (;;) {}', { timeoutMs: 50, graceMs: 100 })
    expect(outcome).toMatchObject({ status: 'timed-out', state: 'rolled-back', checkpointId: id, cancelRung: 3 })
    expect((await session.run('n')).outcome.value).toBe(1)
  })

  it('keeps a last checkpoint when it is shut down', async () => {
    const store = createMemoryCheckpointStore()
    const session = await open({ checkpoints: { store } })
    await session.run('let n = 41; const inc = () => ++n')
    const running = session.execute('n = 41; await new Promise(() => {})')
    await session.shutdown({ checkpoint: true })
    expect(await running.outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
    const [last] = await store.list()
    const next = await open({ checkpoints: { store } })
    await next.restore(last?.id ?? '')
    expect((await next.run('inc()')).outcome.value).toBe(42)
  })

  it('interrupts a restore whose code never ends, and keeps the namespace or tells of its loss', async () => {
    const session = await open({ graceMs: 200, checkpoints: { timeoutMs: 1000 } })
    await session.run('globalThis.spin = false; class Looping { static { while (spin); } }; spin = true')
    const looping = await session.checkpoint()
    const other = await open({ graceMs: 200, checkpoints: { timeoutMs: 300 } })
    await other.run('const mine = 1')
    await expect(other.restore(looping)).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    const { outcome } = await other.run('typeof mine')
    // an idle death is told by the next outcome
    const told = { status: outcome.status, state: outcome.state, value: outcome.value }
    const lost = { status: 'crashed', state: 'lost', value: undefined }
    expect(told).toEqual(preemptive ? { status: 'ok', state: 'kept', value: 'number' } : lost)
  })
}

/** Cells whose changes are put back. */
export function describeTransactions(open: Open, preemptive: boolean): void {
  it('rolls a failing cell back, mutated data included, and reports', async () => {
    const session = await open()
    await session.run('const list = [1, { x: 1 }]; let n = 1; const map = new Map([[1, 2]]); const same = list')
    const code = 'list.push(3); list[1].x = 9; n = 2; map.clear(); let fresh = 1; await null; throw new Error("no")'
    const { outcome } = await session.run(code, { transaction: 'rollback-on-failure' })
    expect(outcome).toMatchObject({ status: 'error', state: 'rolled-back', transaction: { action: 'rolled-back' } })
    expect(outcome.transaction?.report).toContainEqual({ name: 'list', status: 'restored' })
    const check = await session.run('[list, n, [...map], typeof fresh, same === list]')
    expect(check.outcome.value).toEqual([[1, { x: 1 }], 1, [[1, 2]], 'undefined', true])
  })

  it('commits a cell that succeeds, and rolls back one that was only tried', async () => {
    const session = await open()
    await session.run('let n = 1')
    const committed = await session.run('n = 2', { transaction: 'rollback-on-failure' })
    expect(committed.outcome).toMatchObject({ state: 'kept', transaction: { action: 'committed', report: [] } })
    const tried = await session.run('n = 3', { transaction: 'rollback-always' })
    expect(tried.outcome).toMatchObject({ status: 'ok', state: 'rolled-back', value: 3 })
    const kept = await session.run('n = 4; throw 1', { transaction: 'commit-always' })
    expect(kept.outcome).toMatchObject({ status: 'error', state: 'kept', transaction: { action: 'committed' } })
    expect((await session.run('n')).outcome.value).toBe(4)
  })

  it('says what cannot be put back, and what left the session', async () => {
    const session = await open()
    await session.run('const next = (() => { let n = 0; return () => ++n })()')
    const { outcome } = await session.run('next(); await input("sure? "); throw 1', {
      transaction: 'rollback-on-failure',
      onInput: () => 'yes',
    })
    expect(outcome.transaction?.report).toEqual([
      { name: 'next', status: 'skipped', reason: 'local-closure', detail: expect.any(String) },
    ])
    expect(outcome.transaction?.effects).toEqual([
      { type: 'input', inputId: expect.any(String), prompt: 'sure? ', isAnswered: true },
    ])
  })

  it.runIf(preemptive)('rolls back a cell that was terminated', async () => {
    const session = await open()
    await session.run('const data = { n: 1 }')
    const execution = session.execute('data.n = 2; console.log("in"); for (;;) data.n++', {
      transaction: 'rollback-on-failure',
    })
    for await (const event of execution) if (event.type === 'output') void execution.cancel()
    expect(await execution.outcome).toMatchObject({ status: 'cancelled', state: 'rolled-back', cancelRung: 2 })
    expect((await session.run('data.n')).outcome.value).toBe(1)
  })
}
