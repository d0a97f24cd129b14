import { Buffer } from 'node:buffer'

// a loop copies so few bytes faster than a call does
const shortBytes = 64

export interface RingTextOptions {
  readonly ring: Uint8Array
  /** Most bytes of text that are joined. */
  readonly limitBytes: number
  readonly deliver: (executionId: string, flags: number, text: string) => void
}

/** Joins neighbouring texts of one source on their way out of the ring, because a string for each line is what costs. */
export class RingText {
  readonly #options: RingTextOptions
  readonly #bytes: Buffer
  #isHolding = false
  #length = 0
  #executionId = ''
  #flags = 0

  constructor(options: RingTextOptions) {
    this.#options = options
    this.#bytes = Buffer.allocUnsafeSlow(options.limitBytes)
  }

  /** Takes a copy of the UTF-8 that the ring has there. */
  add(executionId: string, flags: number, start: number, end: number): void {
    const { ring, limitBytes, deliver } = this.#options
    const length = end - start
    const isSameSource = flags === this.#flags && executionId === this.#executionId
    if (!isSameSource || this.#length + length > limitBytes) this.flush()
    if (length > limitBytes) return deliver(executionId, flags, textOf(ring, start, end))
    this.#isHolding = true
    this.#executionId = executionId
    this.#flags = flags
    this.#copy(ring, start, end)
  }

  /** Hands over what was joined. */
  flush(): void {
    if (!this.#isHolding) return
    this.#isHolding = false
    const length = this.#length
    this.#length = 0
    this.#options.deliver(this.#executionId, this.#flags, this.#bytes.toString('utf8', 0, length))
  }

  #copy(ring: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes
    let at = this.#length
    this.#length = at + end - start
    if (end - start > shortBytes) bytes.set(ring.subarray(start, end), at)
    else for (let from = start; from < end; from++) bytes[at++] = ring[from] as number
  }
}

const textOf = (ring: Uint8Array, start: number, end: number): string =>
  Buffer.from(ring.buffer, ring.byteOffset + start, end - start).toString('utf8')
