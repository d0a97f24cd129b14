import type { BindingReport } from '@capsule/protocol'
import type { Captured, EngineProcess } from './engine-process.ts'

export interface RoundTrip {
  readonly captured: Captured
  readonly restored: readonly BindingReport[]
  /** Bindings that are there again. */
  readonly kept: readonly string[]
  /** What those were and are, as text. */
  readonly before: string
  readonly after: string
  /** The report of a capture of what was restored. */
  readonly again: readonly BindingReport[]
  /** What a restore of that gives. */
  readonly afterAgain: string
}

/** From one process into another, and there once more. */
export async function roundTrip(from: EngineProcess, to: EngineProcess): Promise<RoundTrip> {
  const captured = await from.capture()
  const answer = await to.restore(captured.payload)
  if (answer.kind === 'malformed') throw new Error(answer.problem)
  const restored = answer.report
  const kept = restored.flatMap(({ name, status }) => (status === 'skipped' || name.includes('[') ? [] : [name]))
  const before = await from.describe(kept)
  const after = await to.describe(kept)
  const second = await to.capture()
  const secondAnswer = await to.restore(second.payload)
  if (secondAnswer.kind === 'malformed') throw new Error(secondAnswer.problem)
  return { captured, restored, kept, before, after, again: second.report, afterAgain: await to.describe(kept) }
}

/** The names that a report skips, each with its reason. */
export function skippedIn(report: readonly BindingReport[]): Record<string, string> {
  return Object.fromEntries(
    report.flatMap(({ name, status, reason }) => (status === 'skipped' ? [[name, `${reason}`]] : [])),
  )
}
