import type { FunctionFacts } from '../compile/function-facts.ts'
import type { FunctionForm } from '../compile/function-places.ts'

/** A function's text in a snapshot, and how to make the function of it again. */
export interface SourceEntry {
  readonly text: string
  readonly form: FunctionForm
  readonly isStrict: boolean
  /** Of a class: evaluating it runs code. */
  readonly runsCode: boolean
}

export function sourceEntryOf({ text, anonymousText, form, isStrict, body }: FunctionFacts): SourceEntry {
  return { text: anonymousText ?? text, form, isStrict, runsCode: body?.runsCode === true }
}
