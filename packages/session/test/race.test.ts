import { createCountingIds } from '@capsule/core'
import { createSession, type Execution, type ExecutionEvent, type Session } from '@capsule/session'
import { createScriptedWorker, type ScriptedWorker } from '@capsule/session/testing'
import { createFakeClock, type FakeClock, waitFor } from '@capsule/testing'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

interface Scene {
  readonly session: Session
  readonly worker: ScriptedWorker
  readonly clock: FakeClock
  readonly execution: Execution
  /** Counts what the cell printed, so that the order can be checked. */
  printed: number
  readonly seen: ExecutionEvent[]
  reading: Promise<void> | undefined
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What may happen to a cell, in any order. */
const steps: Record<string, (scene: Scene) => void | Promise<void>> = {
  output: (scene) => scene.worker.process.output(scene.execution.executionId, `${scene.printed++}`),
  lateOutput: ({ worker, execution }) => worker.process.output(execution.executionId, 'late', { late: true }),
  ack: ({ worker, execution }) => worker.process.ack(execution.executionId),
  input: ({ worker, execution, printed }) =>
    worker.process.sendRaw({
      type: 'input-request',
      executionId: execution.executionId,
      inputId: `in-${printed}`,
      prompt: '',
    }),
  stray: ({ worker }) => worker.process.stray('stdout', 'stray'),
  garbage: ({ worker }) => worker.process.sendRaw({ type: 'result' }),
  turn,
  read(scene) {
    scene.reading ??= (async () => {
      for await (const event of scene.execution) scene.seen.push(event)
    })()
  },
  leave: ({ execution }) => void execution[Symbol.asyncIterator]().return?.(),
  result: ({ worker, execution }) => worker.process.result(execution.executionId),
  error: ({ worker, execution }) => worker.process.error(execution.executionId),
  cancel: ({ execution }) => void execution.cancel(),
  interrupt: ({ session }) => void session.interrupt(),
  advance: ({ clock }) => clock.advance(30),
  exit: ({ worker }) => worker.process.exit({ code: 1 }),
  // rejects when the worker is told to exit while it starts
  restart: ({ session }) => void session.restart().catch(() => {}),
}
const stepNames = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('output', 'turn', 'read') },
  fc.constantFrom(...Object.keys(steps)),
)

async function playCell(base: Pick<Scene, 'session' | 'worker' | 'clock'>, names: readonly string[]): Promise<void> {
  const execution = base.session.execute('cell', { timeoutMs: 1000, graceMs: 50 })
  const scene: Scene = { ...base, execution, printed: 0, seen: [], reading: undefined }
  for (const name of names) await steps[name]?.(scene)
  const settled = execution.cancel()
  // a cell that waits for a worker is dropped by the cancel; else the grace ends it
  for (let round = 0; round < 4; round++) {
    await turn()
    base.clock.advance(1000)
  }
  const outcome = await waitFor(settled, { what: 'the outcome' })
  expect(await execution.outcome).toBe(outcome)
  await waitFor(scene.reading ?? Promise.resolve(), { what: 'the end of the events' })
  const numbers = scene.seen.flatMap((event) =>
    event.type === 'output' && /^\d+$/.test(event.text) ? [Number(event.text)] : [],
  )
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  expect(new Set(numbers).size).toBe(numbers.length)
}

it('settles every execution once and in bounded time, whatever comes in whatever order', async () => {
  const cells = fc.array(fc.array(stepNames, { maxLength: 14 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(cells, async (cellSteps) => {
      const clock = createFakeClock()
      const worker = createScriptedWorker()
      const connection = { connect: worker.connect, clock, ids: createCountingIds() }
      const session = await createSession({ ...connection, outputWindowBytes: 8, readyTimeoutMs: Infinity })
      for (const names of cellSteps) await playCell({ session, worker, clock }, names)
      await waitFor(session.shutdown({ graceMs: 0 }))
      const { executions, byStatus } = session.info().counters
      expect(Object.values(byStatus).reduce((sum, count) => sum + count)).toBe(executions)
    }),
    { numRuns: 300 },
  )
})
