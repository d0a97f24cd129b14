import { Buffer } from 'node:buffer'
import { type DisplayContent, displayLimits, type DisplayMessage, isBoundedJson } from '@capsule/protocol'
import { cutFirst, cutText } from './cut-text.ts'

// taken at load: cells share `globalThis` with this code
const { stringify } = JSON
const byteLength = Buffer.byteLength.bind(Buffer)
const mimePattern = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}$/

export type DisplayHead = Pick<DisplayMessage, 'executionId' | 'displayId' | 'action' | 'late'>

export interface DisplayContents {
  /** By MIME type: text, bytes, or what JSON has a form for. */
  readonly bundle: Readonly<Record<string, unknown>>
  readonly metadata?: object | undefined
}

/** `mime` is undefined for the metadata. */
interface Content {
  readonly mime: string | undefined
  readonly content: DisplayContent
  readonly bytes: number
}

/** The messages of one display: within the limits, what does not fit left out and named, each part at most `partBytes`. */
export function displayParts(head: DisplayHead, contents: DisplayContents, partBytes: number): DisplayMessage[] {
  const { kept, dropped, isTruncated } = withinLimits(contents)
  const parts = partsOf(kept, Math.max(displayLimits.leastPartBytes, Math.min(partBytes, displayLimits.partBytes)))
  return parts.map((pieces, index) => {
    const metadata = pieces.find(({ mime }) => mime === undefined)?.content
    const data = pieces.flatMap(({ mime, content }) => (mime === undefined ? [] : [[mime, content] as const]))
    return {
      type: 'display',
      ...head,
      data: Object.fromEntries(data),
      ...(typeof metadata === 'string' ? { metadata } : {}),
      ...(isTruncated && index === 0 ? { truncated: true as const } : {}),
      ...(dropped.length > 0 && index === 0 ? { dropped } : {}),
      ...(parts.length > 1 ? { part: { index, count: parts.length } } : {}),
    }
  })
}

interface Kept {
  readonly kept: readonly Content[]
  readonly dropped: string[]
  readonly isTruncated: boolean
}

/** In the order of the bundle; one that is too large leaves room for those behind it. */
function withinLimits({ bundle, metadata }: DisplayContents): Kept {
  const kept: Content[] = []
  const dropped: string[] = []
  let isTruncated = false
  let leftBytes: number = displayLimits.bytes
  const take = (mime: string | undefined, content: DisplayContent | undefined): void => {
    const bytes = content === undefined ? Infinity : bytesOf(content)
    if (content !== undefined && bytes <= leftBytes && kept.length < displayLimits.mimeTypes) {
      leftBytes -= bytes
      kept.push({ mime, content, bytes })
      return
    }
    isTruncated = true
    if (mime !== undefined && dropped.length < displayLimits.mimeTypes) {
      dropped.push(mime.slice(0, displayLimits.mimeTypeLength))
    }
  }
  for (const [mime, value] of Object.entries(bundle)) take(mime, mimePattern.test(mime) ? contentOf(value) : undefined)
  if (metadata !== undefined) {
    const content = contentOf(metadata)
    take(undefined, typeof content === 'object' && 'json' in content ? content.json : undefined)
  }
  return { kept, dropped, isTruncated }
}

/** Undefined: it cannot be sent. */
function contentOf(value: unknown): DisplayContent | undefined {
  if (typeof value === 'string') return value.toWellFormed()
  if (value instanceof Uint8Array) return value
  try {
    const json: unknown = stringify(value)
    return typeof json === 'string' && isBoundedJson(json) ? { json } : undefined
  } catch {
    return undefined
  }
}

function bytesOf(content: DisplayContent): number {
  if (content instanceof Uint8Array) return content.byteLength
  return byteLength(typeof content === 'string' ? content : content.json)
}

function partsOf(contents: readonly Content[], partBytes: number): Content[][] {
  let part: Content[] = []
  const parts = [part]
  let leftBytes = partBytes
  const next = (): void => {
    parts.push((part = []))
    leftBytes = partBytes
  }
  for (let content of contents) {
    for (;;) {
      if (content.bytes <= leftBytes) {
        part.push(content)
        leftBytes -= content.bytes
        break
      }
      const cut = cutContent(content, leftBytes, part.length === 0)
      if (cut !== undefined) {
        part.push(cut.front)
        content = cut.rest
      }
      next()
    }
  }
  return parts
}

/** Undefined: not even one character fits, and something else has the part. */
function cutContent(
  { mime, content, bytes }: Content,
  limitBytes: number,
  isFirst: boolean,
): { front: Content; rest: Content } | undefined {
  if (content instanceof Uint8Array) {
    if (limitBytes === 0) return undefined
    const front = { mime, content: content.subarray(0, limitBytes), bytes: limitBytes }
    return { front, rest: { mime, content: content.subarray(limitBytes), bytes: bytes - limitBytes } }
  }
  const text = typeof content === 'string' ? content : content.json
  const as = (piece: string): DisplayContent => (typeof content === 'string' ? piece : { json: piece })
  const piece = cutText(text, bytes, limitBytes) ?? (isFirst ? cutFirst(text) : undefined)
  if (piece === undefined) return undefined
  return {
    front: { mime, content: as(piece.text), bytes: piece.bytes },
    rest: { mime, content: as(piece.rest), bytes: bytes - piece.bytes },
  }
}
