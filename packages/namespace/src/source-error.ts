import type { WireError } from '@capsule/protocol'
import { engineLimits } from './engine-limits.ts'
import { withIntrinsics } from './intrinsics.ts'
import { toWireError } from './to-wire-error.ts'
import { cut } from './value-text.ts'

interface Place {
  readonly line: number
  readonly column: number
}

/** What was not even run: the failure of a cell's source, with the place and a caret under it. */
export function toSourceError(error: unknown, { source, name }: { source: string; name: string }): WireError {
  // its own stack is about the compiler
  const { stack: _, ...wire } = toWireError(error)
  return withIntrinsics(() => {
    const place = placeOf(error)
    const header = `${wire.name}: ${wire.message}`
    if (place === undefined) return { ...wire, stack: header }
    const frame = `    at ${name}:${place.line}:${place.column}`
    return { ...wire, ...place, stack: `${excerpt(source, name, place)}\n\n${header}\n${frame}` }
  })
}

/** `cell-3.ts:2`, the line and a caret; of a long line, what is around the place. */
function excerpt(source: string, name: string, { line, column }: Place): string {
  const text = source.split(/\r\n|[\n\r\u2028\u2029]/)[line - 1] ?? ''
  const from = Math.max(0, column - 1 - engineLimits.excerpt / 2)
  const shown = cut(text.slice(from), engineLimits.excerpt).text
  // tabs stay tabs, so that the caret stands under its place
  const indent = text.slice(from, column - 1).replace(/[^\t]/g, ' ')
  return `${name}:${line}\n${shown}\n${indent}^`
}

// the compiler knows the place; what only V8 refuses tells it in its stack
function placeOf(error: unknown): Place | undefined {
  const { line, column, stack } = error as { line?: unknown; column?: unknown; stack?: unknown }
  if (typeof line === 'number' && typeof column === 'number') return { line, column }
  return typeof stack === 'string' ? placeInV8Stack(stack) : undefined
}

/** V8 puts `file:line`, the line and carets in front of the stack of what it cannot compile. */
function placeInV8Stack(stack: string): Place | undefined {
  const [, line, indent] = /^.*:(\d+)\n.*\n([ \t]*)\^/.exec(stack) ?? []
  return line === undefined || indent === undefined ? undefined : { line: Number(line), column: indent.length + 1 }
}
