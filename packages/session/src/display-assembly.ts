import { Buffer } from 'node:buffer'
import {
  creditedBytes,
  type DisplayContent,
  displayLimits,
  type DisplayMessage,
  isBoundedJson,
} from '@capsule/protocol'
import type { ExecutionEvent } from './session.ts'

export type DisplayEvent = Extract<ExecutionEvent, { type: 'display' }>

/** `malformed`: a worker that keeps to the protocol does not send this. */
export type Assembled = DisplayEvent | 'incomplete' | 'malformed'

// what parts weigh beside their contents is less than these, as none but the last is smaller than `leastPartBytes`
const limitBytes = 2 * displayLimits.bytes

/** Puts the displays of one source together from their parts, which come one behind the other; at most one is unfinished. */
export class DisplayAssembly {
  #parts: DisplayMessage[] = []
  #bytes = 0

  take(message: DisplayMessage): Assembled {
    const { index, count } = message.part ?? { index: 0, count: 1 }
    // a first part: what is unfinished was given up, by a termination or for want of room
    if (index === 0) this.clear()
    const first = this.#parts[0] ?? message
    this.#bytes += creditedBytes(message)
    const fits =
      index === this.#parts.length &&
      index < count &&
      count === (first.part?.count ?? 1) &&
      first.executionId === message.executionId &&
      first.displayId === message.displayId &&
      first.action === message.action &&
      this.#bytes <= limitBytes
    if (!fits) {
      this.clear()
      // a worker that drops a part drops the rest as well
      return 'malformed'
    }
    this.#parts.push(message)
    if (this.#parts.length < count) return 'incomplete'
    const parts = this.#parts
    this.clear()
    try {
      return eventOf(first, parts)
    } catch {
      return 'malformed'
    }
  }

  clear(): void {
    this.#parts = []
    this.#bytes = 0
  }
}

/** @throws SyntaxError and others, when contents are not what they claim to be */
function eventOf(first: DisplayMessage, parts: readonly DisplayMessage[]): DisplayEvent {
  const { executionId, displayId, action, truncated, dropped, late } = first
  const pieces = new Map<string, DisplayContent[]>()
  for (const { data } of parts) {
    for (const [mime, piece] of Object.entries(data)) {
      const earlier = pieces.get(mime)
      if (earlier === undefined) pieces.set(mime, [piece])
      else earlier.push(piece)
    }
  }
  if (pieces.size > displayLimits.mimeTypes) throw new RangeError('too many MIME types')
  const metadata = parts.map((part) => part.metadata ?? '').join('')
  return {
    type: 'display',
    executionId,
    displayId,
    action,
    data: Object.fromEntries(Array.from(pieces, ([mime, contents]) => [mime, whole(contents)])),
    ...(metadata !== '' && { metadata: recordOf(parsed(metadata)) }),
    ...(truncated && { truncated }),
    ...(dropped && { dropped }),
    ...(late && { late }),
  }
}

function whole(pieces: readonly DisplayContent[]): unknown {
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('')
  if (pieces.every((piece) => piece instanceof Uint8Array)) return new Uint8Array(Buffer.concat(pieces))
  const texts = pieces.map((piece) => {
    if (typeof piece === 'string' || piece instanceof Uint8Array) throw new TypeError('contents of several kinds')
    return piece.json
  })
  return parsed(texts.join(''))
}

function parsed(json: string): unknown {
  if (!isBoundedJson(json)) throw new RangeError('too deep or too many arrays and objects')
  // `JSON.parse` makes it an own property, which a later copy could turn into a prototype
  return json.includes('__proto__') || json.includes('\\u')
    ? JSON.parse(json, (key, value: unknown) => (key === '__proto__' ? undefined : value))
    : JSON.parse(json)
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new TypeError('metadata is no object')
}
