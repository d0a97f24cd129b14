// Each fence is `\0` key `:` number `\0`. Guests print text; a NUL followed by the session's random key is not chance.
const nul = 0
const longestNumber = 16

/** The bytes that a worker writes on fd 1 and 2 behind an execution. */
export function encodeFence(key: string, fence: number): Uint8Array {
  return Buffer.from(`\0${key}:${fence}\0`)
}

export interface FenceScannerOptions {
  readonly key: string
  /** Never called with an empty text. */
  readonly onText: (text: string) => void
  readonly onFence: (fence: number) => void
}

export interface FenceScanner {
  push(chunk: Uint8Array): void
  /** No more bytes: what looked like the start of a fence, or of a character, was text. */
  end(): void
}

/**
 * Splits what arrives on fd 1 or 2 into text and fences, in order. Held back are at most the bytes that may still become a
 * fence (the key and 18 more) and an unfinished UTF-8 character.
 */
export function createFenceScanner({ key, onText, onFence }: FenceScannerOptions): FenceScanner {
  const opening = Buffer.from(`\0${key}:`)
  let decoder = new TextDecoder()
  let held: Buffer = Buffer.alloc(0)

  const emit = (bytes: Uint8Array): void => {
    const text = decoder.decode(bytes, { stream: true })
    if (text !== '') onText(text)
  }
  const finishText = (): void => {
    const text = decoder.decode()
    decoder = new TextDecoder()
    if (text !== '') onText(text)
  }
  /** The fence at `start`: its end and number, `more` when the bytes stop within what may be one, else undefined. */
  const fenceAt = (bytes: Buffer, start: number): { end: number; fence: number } | 'more' | undefined => {
    const shared = Math.min(opening.length, bytes.length - start)
    if (bytes.compare(opening, 0, shared, start, start + shared) !== 0) return undefined
    if (shared < opening.length) return 'more'
    const digits = start + opening.length
    const close = bytes.indexOf(nul, digits)
    const text = bytes.toString('latin1', digits, close < 0 ? bytes.length : close)
    if (!/^\d*$/.test(text) || text.length > longestNumber) return undefined
    if (close < 0) return 'more'
    return text === '' ? undefined : { end: close + 1, fence: Number(text) }
  }
  const scan = (bytes: Buffer): Buffer => {
    let from = 0
    let start = bytes.indexOf(nul)
    while (start >= 0) {
      const found = fenceAt(bytes, start)
      if (found === 'more') break
      if (found === undefined) start = bytes.indexOf(nul, start + 1)
      else {
        if (start > from) emit(bytes.subarray(from, start))
        finishText()
        onFence(found.fence)
        from = found.end
        start = bytes.indexOf(nul, from)
      }
    }
    const rest = start < 0 ? bytes.length : start
    if (rest > from) emit(bytes.subarray(from, rest))
    return Buffer.from(bytes.subarray(rest))
  }
  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      held = scan(held.length === 0 ? bytes : Buffer.concat([held, bytes]))
    },
    end() {
      if (held.length > 0) emit(held)
      held = Buffer.alloc(0)
      finishText()
    },
  }
}
