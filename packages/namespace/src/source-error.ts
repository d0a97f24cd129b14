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
  const { name: kind, message: fullMessage } = toWireError(error)
  return withIntrinsics(() => {
    const place = placeOf(error)
    // acorn ends its messages with the place
    const message = fullMessage.replace(/ \(\d+:\d+\)$/, '')
    const header = `${kind}: ${message}`
    if (place === undefined) return { name: kind, message, stack: header }
    return { name: kind, message, ...place, stack: `${excerpt(source, name, place)}\n\n${header}\n    at ${name}:${place.line}:${place.column}` }
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

function placeOf(error: unknown): Place | undefined {
  const { line, column, loc, stack } = error as { line?: unknown; column?: unknown; loc?: Partial<Place>; stack?: unknown }
  if (typeof line === 'number' && typeof column === 'number') return { line, column }
  if (typeof loc?.line === 'number' && typeof loc.column === 'number') return { line: loc.line, column: loc.column + 1 }
  return typeof stack === 'string' ? placeInV8Stack(stack) : undefined
}

/** V8 puts `file:line`, the line and carets in front of the stack of what it cannot compile. */
function placeInV8Stack(stack: string): Place | undefined {
  const [, line, indent] = /^.*:(\d+)\n.*\n([ \t]*)\^/.exec(stack) ?? []
  return line === undefined || indent === undefined ? undefined : { line: Number(line), column: indent.length + 1 }
}
