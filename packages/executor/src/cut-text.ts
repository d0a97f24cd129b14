import { Buffer } from 'node:buffer'
import type { Piece } from './entry-queue.ts'

const encoder = new TextEncoder()
let scratch = new Uint8Array(0)

/**
 * The longest front of `text` within `limitBytes` of UTF-8, preferably ending behind a newline, never inside a surrogate
 * pair nor between `\r` and `\n`. Undefined: not even the first character fits.
 */
export function cutText(text: string, bytes: number, limitBytes: number): Piece | undefined {
  if (bytes <= limitBytes) return { text, bytes, rest: '' }
  const fit = prefixLength(text, bytes, limitBytes)
  const end = niceEnd(text, fit)
  if (end === 0) return undefined
  const front = text.slice(0, end)
  return { text: front, bytes: bytes === text.length ? end : Buffer.byteLength(front), rest: text.slice(end) }
}

/** The front of `text` that cannot be cut further: one character, or `\r\n`. */
export function cutFirst(text: string): Piece {
  const front = text.startsWith('\r\n') ? '\r\n' : String.fromCodePoint(text.codePointAt(0) ?? 0)
  return { text: front, bytes: Buffer.byteLength(front), rest: text.slice(front.length) }
}

/** How many UTF-16 units fit; encodeInto stops before a character that does not. */
function prefixLength(text: string, bytes: number, limitBytes: number): number {
  if (bytes === text.length) return limitBytes
  if (scratch.length < limitBytes) scratch = new Uint8Array(limitBytes)
  // a longer front than this never fits, and a slice keeps encodeInto from flattening the rest
  return encoder.encodeInto(text.slice(0, limitBytes), scratch.subarray(0, limitBytes)).read
}

function niceEnd(text: string, fit: number): number {
  const newline = text.lastIndexOf('\n', fit - 1)
  // a newline far back would make the messages needlessly small
  if (fit > 0 && newline >= fit >> 1) return newline + 1
  return text[fit - 1] === '\r' && text[fit] === '\n' ? fit - 1 : fit
}
