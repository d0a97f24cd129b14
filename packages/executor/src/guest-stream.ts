import { Buffer } from 'node:buffer'
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

type Callback = (error?: Error | null) => void

/** What stands for `process.stdout` or `process.stderr`: every write is printed at once, and nothing ends it. */
export interface GuestStream extends Writable {
  readonly fd: 1 | 2
  /** Prints what is left of a character whose bytes never came, as U+FFFD. */
  flushDecoder(): void
}

export function createGuestStream(fd: 1 | 2, print: (text: string) => void): GuestStream {
  return new PrintingStream(fd, print)
}

// a Writable for `instanceof`, pipe() and pipeline(); its buffering is never entered
class PrintingStream extends Writable implements GuestStream {
  readonly fd: 1 | 2
  readonly #print: (text: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #isMidCharacter = false

  constructor(fd: 1 | 2, print: (text: string) => void) {
    super({ decodeStrings: false, autoDestroy: false, emitClose: false })
    this.fd = fd
    this.#print = print
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (typeof chunk === 'string' && (encoding === undefined || isUtf8(encoding))) {
      this.flushDecoder()
      this.#print(chunk)
    } else this.#printBytes(toBytes(chunk, encoding))
    const done = typeof encoding === 'function' ? encoding : callback
    if (typeof done === 'function') process.nextTick(done, null)
    return true
  }

  override end(...values: unknown[]): this {
    const callback = values.findLast((value) => typeof value === 'function') as Callback | undefined
    const [chunk, encoding] = values
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
      this.write(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
    this.flushDecoder()
    // pipeline() waits for it
    process.nextTick(() => {
      this.emit('finish')
      callback?.()
    })
    return this
  }

  override destroy(): this {
    return this
  }

  override cork(): void {}
  override uncork(): void {}

  flushDecoder(): void {
    if (!this.#isMidCharacter) return
    this.#isMidCharacter = false
    const rest = this.#decoder.end()
    if (rest !== '') this.#print(rest)
  }

  #printBytes(bytes: Buffer): void {
    const text = this.#decoder.write(bytes)
    this.#isMidCharacter = true
    if (text !== '') this.#print(text)
  }
}

function isUtf8(encoding: unknown): boolean {
  return encoding === 'utf8' || encoding === 'utf-8' || typeof encoding !== 'string' || encoding === 'buffer'
}

function toBytes(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding as BufferEncoding)
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const message = 'The "chunk" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'
  throw Object.assign(new TypeError(message), {
    code: chunk === null ? 'ERR_STREAM_NULL_VALUES' : 'ERR_INVALID_ARG_TYPE',
  })
}
