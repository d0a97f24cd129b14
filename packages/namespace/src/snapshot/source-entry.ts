import type { FunctionFacts, FunctionForm } from '../compile/function-facts.ts'

/** A function's text in a snapshot, and how to make the function of it again. */
export interface SourceEntry {
  readonly text: string
  readonly form: FunctionForm
  readonly isStrict: boolean
  /** Of a class: evaluating it runs code. */
  readonly runsCode: boolean
  /** Of a function declaration that calls itself by the global name it declares. */
  readonly selfName?: string
}

export function sourceEntryOf({ text, form, key, isStrict, body, globals }: FunctionFacts): SourceEntry {
  const entry = { text, form, isStrict, runsCode: body?.runsCode === true }
  return form === 'declaration' && key !== undefined && globals.includes(key) ? { ...entry, selfName: key } : entry
}
