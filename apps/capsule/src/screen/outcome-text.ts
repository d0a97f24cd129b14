import type { Outcome, OutcomeError } from '@capsule/session'
import { codeFrame } from './code-frame.ts'
import type { Look } from './screen.ts'

type Paint = (look: Look, text: string) => string

/** An error as people read it: what, where in the code, the stack, and what caused it. */
export function errorText(error: OutcomeError, { code, paint }: { code?: string | undefined; paint: Paint }): string {
  const { heading, frames } = splitStack(error)
  const parts = [paint('red', heading)]
  // a syntax error comes with its own caret
  const hasCaret = /^\s*\^+\s*$/m.test(heading)
  if (code !== undefined && error.line !== undefined && !hasCaret) {
    const frame = codeFrame(code, { line: error.line, column: error.column })
    if (frame !== '') parts.push(frame)
  }
  if (frames !== '') parts.push(paint('dim', frames))
  for (const inner of error.errors ?? []) parts.push(indent(errorText(inner, { paint })))
  if (error.cause !== undefined) parts.push(indent(`[cause]: ${errorText(error.cause, { paint })}`))
  return parts.join('\n')
}

function splitStack({ name, message, stack, thrown, code }: OutcomeError): { heading: string; frames: string } {
  // a thrown non-error: its name is its text already
  if (thrown !== undefined) return { heading: `Uncaught ${name}`, frames: '' }
  const title = message === '' ? name : `${name}: ${message}`
  const heading = code === undefined || title.includes(code) ? title : `${title} [${code}]`
  if (stack === undefined) return { heading, frames: '' }
  const at = stack.search(/^\s+at /m)
  if (at === -1) return { heading: stack.includes('\n') ? stack : heading, frames: '' }
  const before = stack.slice(0, at).trimEnd()
  // what stands above the frames is more than name and message when V8 or the compiler showed the source
  return { heading: before.length > title.length ? before : heading, frames: stack.slice(at).trimEnd() }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

/** Why a cell that did not simply throw ended, and what became of the session's bindings; one line each. */
export function endingLines(outcome: Outcome): string[] {
  const lines: string[] = []
  switch (outcome.status) {
    case 'ok':
    case 'error':
      break
    case 'cancelled':
      lines.push(`Cancelled after ${Math.round(outcome.durationMs)} ms.`)
      break
    case 'timed-out':
      lines.push(`Timed out after ${Math.round(outcome.durationMs)} ms.`)
      break
    case 'crashed':
      lines.push(
        outcome.exit === undefined && outcome.error ? outcome.error.message : `The worker ${exitText(outcome.exit)}.`,
      )
  }
  if (outcome.state === 'lost') lines.push('The bindings of this session are lost.')
  if (outcome.state === 'rolled-back') lines.push('The bindings are those of the last checkpoint.')
  if (outcome.state === 'kept' && outcome.status !== 'ok' && outcome.status !== 'error') {
    lines.push('The bindings of this session are kept.')
  }
  const tail = outcome.exit?.stderrTail.trimEnd() ?? ''
  if (tail !== '') lines.push('It last wrote to standard error:', ...tail.split('\n').map((line) => `  ${line}`))
  return lines
}

export function exitText(exit: { readonly code: number | null; readonly signal: string | null } | undefined): string {
  if (exit === undefined) return 'died'
  return exit.signal === null ? `exited with code ${exit.code}` : `was killed by ${exit.signal}`
}
