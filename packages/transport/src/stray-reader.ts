import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Stray } from './transport.ts'

/** Reads fd 1 or 2 of a worker for ever, whatever the session does, so that native code which writes there never blocks. */
export function readStray(stream: Readable, name: Stray['stream'], onStray: (stray: Stray) => void): void {
  const decoder = new StringDecoder('utf8')
  const tell = (text: string): void => {
    if (text !== '') onStray({ stream: name, text })
  }
  let isOver = false
  const end = (): void => {
    if (isOver) return
    isOver = true
    tell(decoder.end())
  }
  stream.on('data', (chunk: Buffer) => tell(decoder.write(chunk)))
  stream.on('end', end)
  stream.on('close', end)
  // a broken stray pipe loses text, not the session
  stream.on('error', end)
}

/** Remembers the end of a text. */
export interface TextTail {
  append(text: string): void
  toString(): string
}

/** Keeps the last `limitBytes` of UTF-8, from a whole character on. */
export function createTextTail(limitBytes: number): TextTail {
  let kept = ''
  return {
    append(text) {
      kept += text
      // a character is at least one byte, so this much holds all that can be asked for
      if (kept.length > limitBytes * 2) kept = kept.slice(-limitBytes)
    },
    toString() {
      const bytes = Buffer.from(kept)
      let from = Math.max(0, bytes.length - limitBytes)
      // 0b10xxxxxx continues a character that began before the cut
      while (from > 0 && from < bytes.length && ((bytes[from] as number) & 0xc0) === 0x80) from++
      return bytes.toString('utf8', from)
    },
  }
}
