import type { ExecutorMessage } from '@capsule/executor'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTerminalOf, type OpenWorker, openWorker } from './open-worker.ts'

/**
 * None of them ends by itself; `harmless` ones let the others run. None spends its time in Node's timers: terminated in
 * them, Node itself may be broken, which `tainted` says, and this is about what runs on a Node that is not.
 */
const endless = {
  harmless: ['await new Promise(() => {})', 'await input("?")', 'const { x } = await new Promise(() => {})'],
  blocking: [
    'for (;;) {}',
    'for (;;) await null',
    'await null; for (;;) {}',
    'for (;;) { try { await new Promise(() => {}) } catch {} }',
    'for (;;) console.log("x".repeat(100))',
    'await null; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  ],
}
const ending = ['1', 'await null; 1', 'for (let i = 0; i < 50; i++) await i; 1', 'throw new Error("own")']

const codes = fc.array(fc.constantFrom(...endless.harmless, ...endless.blocking, ...ending), {
  minLength: 2,
  maxLength: 4,
})
const plan = fc.record({ codes, cancels: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }) })

interface Cell {
  readonly executionId: string
  readonly code: string
  isCancelled: boolean
}

function isTruth({ code, isCancelled }: Cell, end: ExecutorMessage): boolean {
  if (end.type === 'result') return ending.includes(code)
  if (end.type !== 'error' || !end.terminal) return false
  if (end.status !== 'error') return isCancelled
  if (end.error.code === 'EXECUTION_INTERRUPTED') return end.tainted === true
  return end.error.message === 'own' && ending.includes(code)
}

let executions = 0

async function check(
  { worker, messages }: OpenWorker,
  { codes: taken, cancels }: { readonly codes: readonly string[]; readonly cancels: readonly number[] },
): Promise<void> {
  const cells: Cell[] = taken.map((code) => ({ executionId: `e-${++executions}`, code, isCancelled: false }))
  const cancel = (cell: Cell): void => {
    cell.isCancelled = true
    const { executionId } = cell
    worker.cancel({ type: 'cancel', executionId, reason: 'cancelled', cooperativeMs: 20 })
  }
  for (const { executionId, code } of cells) void worker.execute({ type: 'execute', executionId, code })
  for (const index of cancels) {
    const cell = cells[index]
    if (cell === undefined) continue
    cancel(cell)
    await waitFor(messages.waitFor(isTerminalOf(cell.executionId)), { what: `the end of ${cell.code}` })
  }
  for (const cell of cells) {
    if (![...endless.harmless, ...endless.blocking].includes(cell.code)) continue
    if (!messages.values.some(isTerminalOf(cell.executionId))) cancel(cell)
  }
  for (const cell of cells) {
    const end = await waitFor(messages.waitFor(isTerminalOf(cell.executionId)), { what: `the end of ${cell.code}` })
    expect(messages.values.filter(isTerminalOf(cell.executionId))).toHaveLength(1)
    expect({ ...cell, isTruth: isTruth(cell, end), end }).toMatchObject({ isTruth: true })
  }
  // the engine is whole, and nothing that was left behind keeps the thread
  const executionId = `e-${++executions}`
  void worker.execute({ type: 'execute', executionId, code: 'await null; kept' })
  expect(await waitFor(messages.waitFor(isTerminalOf(executionId)))).toMatchObject({ text: "'kept'" })
}

it('ends every cell truthfully, whoever of those that run at once is cancelled', async () => {
  const open = await openWorker({ executor: 'threaded', maxConcurrent: 4 })
  await open.worker.execute({ type: 'execute', executionId: 'first', code: 'const kept = "kept"' })
  await open.messages.waitFor(isTerminalOf('first'))
  const property = fc.asyncProperty(plan, (taken) => check(open, taken))
  // what follows a failure runs on a worker that it may have left busy
  await expect(fc.assert(property, { numRuns: 40, endOnFailure: true })).resolves.toBeUndefined()
}, 60_000)
