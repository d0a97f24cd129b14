import { type Clock, coreErrors } from '@capsule/core'
import { displayLimits, type ProgressMessage } from '@capsule/protocol'

/** Between two messages of one execution, unless something printed has to stand between them. */
const intervalMs = 50

export interface ProgressReportsOptions {
  /** Sends in order with what was printed; undefined: the host takes no progress. */
  readonly show: ((message: ProgressMessage) => void) | undefined
  /** Sends what must not wait for room, behind what was printed. */
  readonly showLast: (message: ProgressMessage) => void
  readonly currentExecutionId: () => string | undefined
  readonly isRunning: (executionId: string) => boolean
  readonly clock: Clock
}

export interface EachOptions {
  /** @defaultValue the `length` or `size` of the iterable, if it has one */
  readonly total?: number | undefined
  readonly text?: string | undefined
}

/** The `progress` builtin of cells. @throws INVALID_OPTIONS */
export interface ProgressBuiltin {
  (done: number, total?: number, text?: string): void
  /** The same items; each one that was worked on counts. */
  each<T>(iterable: Iterable<T>, options?: EachOptions): IterableIterator<T>
  each<T>(iterable: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>
}

/** The progress of running cells: at most one message each 50 ms, and always the newest before what comes behind it. */
export interface ProgressReports {
  readonly progress: ProgressBuiltin
  /** Sends what was held back, before something else of that execution. */
  readonly flush: (executionId: string) => void
  /** The execution ends: sends what was held back, whether or not there is room. */
  readonly close: (executionId: string) => void
}

interface Report {
  readonly executionId: string
  sentAtMs: number
  isHeldBack: boolean
  done: number
  total: number | undefined
  text: string | undefined
}

export function createProgressReports(options: ProgressReportsOptions): ProgressReports {
  const { show, showLast, currentExecutionId, isRunning, clock } = options
  const reports = new Map<string, Report>()

  const send = (report: Report, through: (message: ProgressMessage) => void): void => {
    const { executionId, done, total, text } = report
    through({
      type: 'progress',
      executionId,
      done,
      ...(total === undefined ? {} : { total }),
      ...(text === undefined ? {} : { text: `${text}`.slice(0, displayLimits.progressTextLength).toWellFormed() }),
    })
    // behind the sending: code terminated in the middle of it may repeat the report, never lose it
    report.isHeldBack = false
  }
  const reportOf = (executionId: string): Report => {
    const fresh: Report = {
      executionId,
      sentAtMs: -Infinity,
      isHeldBack: false,
      done: 0,
      total: undefined,
      text: undefined,
    }
    reports.set(executionId, fresh)
    return fresh
  }
  const progress = (done: number, total?: number, text?: string): void => {
    check(done, total, text)
    const executionId = currentExecutionId()
    if (show === undefined || executionId === undefined) return
    let report = reports.get(executionId)
    if (report === undefined) {
      // its last progress stands: nobody looks at a finished cell's
      if (!isRunning(executionId)) return
      report = reportOf(executionId)
    }
    report.done = done
    report.total = total
    report.text = text
    report.isHeldBack = true
    const nowMs = clock.now()
    if (nowMs - report.sentAtMs < intervalMs) return
    report.sentAtMs = nowMs
    send(report, show)
  }
  return {
    progress: Object.freeze(Object.assign(progress, { each: eachOf(progress) })),
    flush(executionId) {
      if (reports.size === 0 || show === undefined) return
      const report = reports.get(executionId)
      if (report?.isHeldBack === true) send(report, show)
    },
    close(executionId) {
      const report = reports.get(executionId)
      if (report?.isHeldBack === true) send(report, showLast)
      reports.delete(executionId)
    },
  }
}

function check(done: unknown, total: unknown, text: unknown): void {
  const isGood =
    Number.isFinite(done) &&
    (total === undefined || Number.isFinite(total)) &&
    (text === undefined || typeof text === 'string')
  if (isGood) return
  const problems = ['done and total must be finite numbers, text a string']
  throw coreErrors.INVALID_OPTIONS({ where: 'progress()', problems })
}

function eachOf(progress: (done: number, total?: number, text?: string) => void): ProgressBuiltin['each'] {
  function* eachSync<T>(
    iterable: Iterable<T>,
    total: number | undefined,
    text: string | undefined,
  ): Generator<T, void> {
    let done = 0
    progress(done, total, text)
    for (const item of iterable) {
      yield item
      progress(++done, total, text)
    }
  }
  async function* eachAsync<T>(
    iterable: AsyncIterable<T>,
    total: number | undefined,
    text: string | undefined,
  ): AsyncGenerator<T, void> {
    let done = 0
    progress(done, total, text)
    for await (const item of iterable) {
      yield item
      progress(++done, total, text)
    }
  }
  const each = (iterable: object, { total = sizeOf(iterable), text }: EachOptions = {}): object =>
    Symbol.asyncIterator in iterable
      ? eachAsync(iterable as AsyncIterable<unknown>, total, text)
      : eachSync(iterable as Iterable<unknown>, total, text)
  return each as ProgressBuiltin['each']
}

function sizeOf(iterable: object): number | undefined {
  const { length, size } = iterable as { readonly length?: unknown; readonly size?: unknown }
  const total = length ?? size
  return typeof total === 'number' ? total : undefined
}
