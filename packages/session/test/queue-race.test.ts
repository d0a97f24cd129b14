import { createCountingIds } from '@capsule/core'
import { createSession, type Execution, type Outcome, type Session } from '@capsule/session'
import { createScriptedWorker, type ScriptedWorker } from '@capsule/session/testing'
import { createFakeClock, type FakeClock, waitFor } from '@capsule/testing'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

const limits = { maxQueued: 3, entries: 2, ttlMs: 500, timeoutMs: 1000, graceMs: 50 }

interface Call {
  readonly execution: Execution
  readonly key: string | undefined
  /** In the order of settling, over all calls of the scene. */
  settledAs: Outcome | undefined
}

interface Scene {
  readonly session: Session
  readonly worker: ScriptedWorker
  readonly clock: FakeClock
  readonly calls: Call[]
  readonly settled: string[]
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const sentIds = ({ worker }: Scene): string[] =>
  worker.processes.flatMap(({ received }) => received.flatMap((m) => (m.type === 'execute' ? [m.executionId] : [])))
const running = ({ worker }: Scene): string =>
  worker.process.received.findLast((message) => message.type === 'execute')?.executionId ?? 'nothing'

function call(scene: Scene, key: string | undefined, queue: boolean): void {
  try {
    const options = {
      queue,
      timeoutMs: limits.timeoutMs,
      ...(key !== undefined && { idempotencyKey: key, replay: true }),
    }
    const execution = scene.session.execute('cell', options)
    const made: Call = { execution, key, settledAs: undefined }
    scene.calls.push(made)
    void execution.outcome.then((outcome) => {
      // an outcome is told once, and never again as another
      expect(made.settledAs).toBeUndefined()
      made.settledAs = outcome
      if (!scene.settled.includes(outcome.executionId)) scene.settled.push(outcome.executionId)
    })
  } catch (error) {
    expect((error as { code: string }).code).toBe(queue ? 'SESSION_QUEUE_FULL' : 'SESSION_BUSY')
  }
}

const steps: Record<string, (scene: Scene) => void | Promise<void>> = {
  plain: (scene) => call(scene, undefined, false),
  queued: (scene) => call(scene, undefined, true),
  keyA: (scene) => call(scene, 'a', true),
  keyB: (scene) => call(scene, 'b', true),
  keyC: (scene) => call(scene, 'c', false),
  conflict({ session, calls }) {
    // the key is known for as long as its execution has not settled
    if (calls.every(({ key, settledAs }) => key !== 'a' || settledAs !== undefined)) return
    expect(() => session.execute('other', { idempotencyKey: 'a' })).toThrow(
      expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' }),
    )
  },
  ack: (scene) => scene.worker.process.ack(running(scene)),
  output: (scene) => scene.worker.process.output(running(scene), 'x'),
  result: (scene) => scene.worker.process.result(running(scene)),
  failure: (scene) => scene.worker.process.error(running(scene)),
  cancelFirst: ({ calls }) => void calls.find(({ settledAs }) => settledAs === undefined)?.execution.cancel(),
  cancelLast: ({ calls }) => void calls.findLast(({ settledAs }) => settledAs === undefined)?.execution.cancel(),
  crash: ({ worker }) => worker.process.exit({ code: 1 }),
  restart: ({ session }) => void session.restart().catch(() => {}),
  interrupt: ({ session }) => void session.interrupt(),
  advance: ({ clock }) => clock.advance(60),
  turn,
}
const names = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('turn', 'result', 'queued', 'keyA', 'keyB') },
  fc.constantFrom(...Object.keys(steps)),
)

/** No key was sent twice within its time, unless more other keys than are remembered came between. */
function expectNoDoubleRun(scene: Scene, sentAt: ReadonlyMap<string, number>): void {
  const keyOf = new Map(scene.calls.map(({ execution, key }) => [execution.executionId, key]))
  const keyed = [...sentAt].flatMap(([id, atMs]) =>
    keyOf.get(id) === undefined ? [] : [{ key: keyOf.get(id), id, atMs }],
  )
  for (const [index, later] of keyed.entries()) {
    const before = keyed.slice(0, index).findLastIndex(({ key }) => key === later.key)
    const earlier = keyed[before]
    if (earlier === undefined) continue
    const others = new Set(keyed.slice(before + 1, index).map(({ key }) => key))
    // the time counts from the outcome, which is not before the sending
    expect(later.atMs - earlier.atMs >= limits.ttlMs || others.size >= limits.entries, `${later.key} ran twice`).toBe(
      true,
    )
  }
}

it('settles each execution once, in order, and runs no remembered key twice, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 40 }), async (sequence) => {
      const clock = createFakeClock()
      const sentAt = new Map<string, number>()
      const worker = createScriptedWorker({
        script: (message) => message.type === 'execute' && sentAt.set(message.executionId, clock.now()),
      })
      const { graceMs, maxQueued, entries, ttlMs } = limits
      const idempotency = { entries, ttlMs, eventBytes: 3 }
      const connection = { connect: worker.connect, clock, ids: createCountingIds() }
      const session = await createSession({ ...connection, graceMs, maxQueued, idempotency, readyTimeoutMs: Infinity })
      const scene: Scene = { session, worker, clock, calls: [], settled: [] }
      for (const name of sequence) {
        await steps[name]?.(scene)
        expect(session.info().counters.queued).toBeLessThanOrEqual(maxQueued)
      }
      for (let round = 0; scene.calls.some(({ settledAs }) => settledAs === undefined); round++) {
        expect(round, 'rounds until all have settled').toBeLessThan(40)
        await turn()
        clock.advance(limits.timeoutMs)
      }
      const sent = sentIds(scene)
      expect(new Set(sent).size).toBe(sent.length)
      // ids count up with the calls, so what was sent in order is sorted, and so is what then settled
      const number = (id: string): number => Number(id.slice(id.lastIndexOf('-') + 1))
      expect(sent).toEqual(sent.toSorted((a, b) => number(a) - number(b)))
      expect(scene.settled.filter((id) => sent.includes(id))).toEqual(sent)
      for (const { execution, settledAs } of scene.calls) {
        expect(await execution.outcome).toBe(settledAs)
        expect(settledAs?.executionId).toBe(execution.executionId)
      }
      const dropped = scene.calls.filter(({ settledAs }) => settledAs?.cancelRung === 0)
      expect(dropped.filter(({ execution }) => sent.includes(execution.executionId))).toEqual([])
      expectNoDoubleRun(scene, sentAt)
      const { executions, byStatus, queued } = session.info().counters
      expect(queued).toBe(0)
      expect(Object.values(byStatus).reduce((sum, count) => sum + count)).toBe(executions)
      expect(new Set(scene.calls.map(({ execution }) => execution.executionId)).size).toBe(executions)
      await waitFor(session.shutdown({ graceMs: 0 }))
    }),
    { numRuns: 300 },
  )
})
