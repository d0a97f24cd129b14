import type { ExecutionEvent, Outcome, Session } from '@capsule/session'
import { type Cell, executableText } from '../cells/cell.ts'
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts'
import { approvalQuestion, decideApproval } from '../screen/approval.ts'
import type { Answers } from './answers.ts'
import type { PlacedCell, Reporter, RunSummary } from './reporter.ts'

export interface CellRun {
  readonly session: Session
  readonly cells: readonly Cell[]
  readonly reporter: Reporter
  readonly answers: Answers
  readonly keepGoing: boolean
  /** Cancels the running cell and ends the run. */
  readonly cancel: AbortSignal
  /** Kills the worker when the cancel takes too long. */
  readonly kill: AbortSignal
}

/** Runs the cells in order and reports; resolves to what was reported last. */
export async function runCells(run: CellRun): Promise<RunSummary> {
  const { session, reporter } = run
  const startedAt = performance.now()
  const placed = new Map<string, PlacedCell>()
  const tally = new Tally()
  const onLate = (event: ExecutionEvent): void => {
    const cell = placed.get(event.executionId)
    if (event.type === 'error') tally.uncaught(cell)
    void reporter.event(event, cell)
  }
  const onStray = (stray: { stream: 'stdout' | 'stderr'; text: string }): void => void reporter.stray(stray)
  session.events.on('late', onLate).on('stray', onStray)
  for (const cell of run.cells) {
    if (run.cancel.aborted) break
    if (cell.kind === 'text') await reporter.text(cell)
    else if (!cell.tags.includes('skip-execution')) {
      const isOver = await runCell({ ...cell, index: tally.ran }, run, placed, tally)
      if (isOver) break
    }
  }
  session.events.off('late', onLate).off('stray', onStray)
  const cells = run.cells.filter(({ kind }) => kind === 'code').length
  const summary = { ...tally.summary(run.cancel.aborted), cells, durationMs: performance.now() - startedAt }
  await reporter.summary(summary)
  return summary
}

/** Runs one cell and says whether it was the last. */
async function runCell(
  cell: PlacedCell,
  { session, reporter, answers, keepGoing, cancel, kill }: CellRun,
  placed: Map<string, PlacedCell>,
  tally: Tally,
): Promise<boolean> {
  const { filename, language } = cell
  const execution = session.execute(executableText(cell), { filename, language, signal: cancel })
  placed.set(execution.executionId, cell)
  const onKill = (): void => void execution.cancel({ graceMs: 0 })
  kill.addEventListener('abort', onKill, { once: true })
  const over = new AbortController()
  // one prompt at a time, while output goes on
  let asking = Promise.resolve()
  for await (const event of execution) {
    if (event.type === 'error') tally.uncaught(cell)
    await reporter.event(event, cell)
    if (event.type === 'approval-request') {
      asking = asking.then(async () => {
        const answer = await answers.ask({ prompt: approvalQuestion(event) }, AbortSignal.any([over.signal, cancel]))
        await decideApproval(execution, event, answer)
      })
    }
    if (event.type !== 'input-request') continue
    asking = asking.then(async () => {
      const answer = await answers.ask(event, AbortSignal.any([over.signal, cancel]))
      // the request may have ended by itself
      await execution.respond(event.inputId, answer).catch(() => {})
    })
  }
  const outcome = await execution.outcome
  over.abort()
  await asking
  kill.removeEventListener('abort', onKill)
  await reporter.outcome(outcome, cell)
  const hasFailed = tally.settled(outcome, cell)
  if (outcome.status === 'cancelled' || (hasFailed && !keepGoing)) return true
  if (session.info().state === 'crashed') await session.restart()
  return false
}

/** Counts how cells ended; the first failure decides the exit code. */
class Tally {
  ran = 0
  #failed = 0
  #decisive: Outcome['status'] | undefined

  /** Says whether the cell failed. `raises-exception` is the tag notebooks have for a cell that is meant to throw. */
  settled({ status }: Outcome, cell: PlacedCell): boolean {
    this.ran++
    if (status === 'ok' || (status === 'error' && isMeantToThrow(cell))) return false
    this.#failed++
    this.#decisive ??= status
    return true
  }

  /** An uncaught error leaves the outcome as it is, but the run is not ok. */
  uncaught(cell: PlacedCell | undefined): void {
    if (cell === undefined || !isMeantToThrow(cell)) this.#decisive ??= 'error'
  }

  summary(isCancelled: boolean): Pick<RunSummary, 'status' | 'exitCode' | 'ran' | 'failed'> {
    const status = isCancelled ? 'cancelled' : (this.#decisive ?? 'ok')
    const exitCode: ExitCode = isCancelled ? exitCodes.cancelled : exitCodeOf(status)
    return { status, exitCode, ran: this.ran, failed: this.#failed }
  }
}

function isMeantToThrow({ tags }: PlacedCell): boolean {
  return tags.includes('raises-exception')
}
