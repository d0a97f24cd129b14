import type { Checked } from '@capsule/core'
import * as z from 'zod'

// unit: problems; threat: an input with 10^5 wrong fields makes a report of megabytes
const maxProblems = 20
// unit: characters of one; zod lists all the keys that it does not know
const problemLength = 300
// unit: options of a union that a problem tells of
const maxOptions = 4

/**
 * Checks by a schema; each problem names the field first. Never throws: what a refinement or a transform of the schema
 * throws is a problem of the input, without its message, which may tell of the host.
 */
export function checkedBy(schema: z.ZodType): (value: unknown) => Checked {
  return (value) => {
    try {
      const { success, data, error } = schema.safeParse(value)
      return success ? { isValid: true, value: data } : { isValid: false, problems: problemsIn(error.issues) }
    } catch (error) {
      return { isValid: false, problems: [`input: ${reasonOf(error)}`] }
    }
  }
}

/** Each names the field first; bounded in number and length. */
export function problemsIn(issues: readonly z.core.$ZodIssue[]): string[] {
  const problems = issues
    .slice(0, maxProblems)
    .map((issue) => cut(`${issue.path.map(String).join('.') || 'input'}: ${messageOf(issue)}`))
  const left = issues.length - problems.length
  return left > 0 ? [...problems, `input: and ${left} more problems`] : problems
}

/** Of a union, zod says no more than that none of its options fits. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue.message
  const options = issue.errors.slice(0, maxOptions).map(([first]) => first && pathOf(first) + messageOf(first))
  return [...new Set(options.filter((option) => option !== undefined).map(withoutReceived))].join(', or ')
}

/** What was received is the same for all options. */
function withoutReceived(message: string): string {
  return message.replace(/^Invalid input: (expected .+), received [^,]+$/, '$1')
}

function pathOf({ path }: z.core.$ZodIssue): string {
  return path.length === 0 ? '' : `${path.map(String).join('.')}: `
}

function reasonOf(error: unknown): string {
  if (error instanceof z.core.$ZodAsyncError)
    return 'cannot be checked: its schema is asynchronous; use refinements and transforms that answer at once'
  return error instanceof RangeError ? 'is nested too deep to be checked' : 'cannot be checked: its schema throws'
}

function cut(text: string): string {
  return text.length > problemLength ? `${text.slice(0, problemLength)}…` : text
}
