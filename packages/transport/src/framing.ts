import { transportErrors } from './errors.ts'
import { firstFrameAllocationBytes, frameGrowth, frameHeaderBytes } from './limits.ts'

/**
 * Header and payload in one buffer, so that it leaves in one write.
 * @throws FRAME_TOO_LARGE, FRAME_EMPTY
 */
export function encodeFrame(payload: Uint8Array, limitBytes: number): Buffer {
  checkFrameLength(payload.length, limitBytes)
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  frame.set(payload, frameHeaderBytes)
  return frame
}

/** @throws FRAME_TOO_LARGE, FRAME_EMPTY */
export function checkFrameLength(bytes: number, limitBytes: number): void {
  if (bytes > limitBytes) throw transportErrors.FRAME_TOO_LARGE({ bytes, limitBytes })
  if (bytes === 0) throw transportErrors.FRAME_EMPTY({})
}

export interface FrameDecoderOptions {
  readonly limitBytes: number
  /**
   * Called with each payload. It may be a view into the pushed chunk (and pins it): decode at once, keep nothing.
   * Returning `false` stops the decoder after this frame.
   */
  readonly onFrame: (payload: Uint8Array) => unknown
}

export interface FrameDecoder {
  /** Holds for frames whose header has not been read yet. */
  limitBytes: number
  /**
   * Reads a chunk. Returns the rest of it when `onFrame` stopped the decoder: push that first to go on.
   * @throws FRAME_TOO_LARGE, FRAME_EMPTY as soon as the header is read; after that nothing more can be decoded
   */
  push(chunk: Uint8Array): Uint8Array | undefined
  /** The input is over. @throws FRAME_TRUNCATED in the middle of a frame */
  end(): void
}

export function createFrameDecoder({ limitBytes, onFrame }: FrameDecoderOptions): FrameDecoder {
  return new LengthPrefixDecoder(limitBytes, onFrame)
}

class LengthPrefixDecoder implements FrameDecoder {
  limitBytes: number
  readonly #onFrame: (payload: Uint8Array) => unknown
  readonly #header = Buffer.alloc(frameHeaderBytes)
  #headerFilled = 0
  // the frame that spans chunks: `#body` grows as bytes arrive and ends up exactly `#bodyLength` long
  #body: Uint8Array | undefined
  #bodyLength = 0
  #bodyFilled = 0

  constructor(limitBytes: number, onFrame: (payload: Uint8Array) => unknown) {
    this.limitBytes = limitBytes
    this.#onFrame = onFrame
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#body === undefined) {
        offset = this.#readHeader(chunk, offset)
        if (this.#headerFilled < frameHeaderBytes) return undefined
        const length = this.#header.readUInt32BE(0)
        // the header is kept when this throws, so every later push throws too
        checkFrameLength(length, this.limitBytes)
        this.#headerFilled = 0
        if (chunk.length - offset < length) {
          this.#body = Buffer.allocUnsafeSlow(Math.min(length, firstFrameAllocationBytes))
          this.#bodyLength = length
          continue
        }
        const payload = chunk.subarray(offset, offset + length)
        offset += length
        if (this.#onFrame(payload) === false) return rest(chunk, offset)
      } else {
        offset = this.#fillBody(this.#body, chunk, offset)
        if (this.#bodyFilled < this.#bodyLength) return undefined
        const payload = this.#body
        this.#body = undefined
        this.#bodyFilled = 0
        if (this.#onFrame(payload) === false) return rest(chunk, offset)
      }
    }
    return undefined
  }

  end(): void {
    if (this.#body !== undefined) {
      throw transportErrors.FRAME_TRUNCATED({ receivedBytes: this.#bodyFilled, expectedBytes: this.#bodyLength })
    }
    if (this.#headerFilled > 0) {
      throw transportErrors.FRAME_TRUNCATED({ receivedBytes: this.#headerFilled, expectedBytes: frameHeaderBytes })
    }
  }

  #readHeader(chunk: Uint8Array, offset: number): number {
    while (this.#headerFilled < frameHeaderBytes && offset < chunk.length) {
      this.#header[this.#headerFilled++] = chunk[offset++] as number
    }
    return offset
  }

  #fillBody(body: Uint8Array, chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#bodyLength - this.#bodyFilled)
    const filled = this.#bodyFilled + end - offset
    if (filled > body.length) {
      const grown = Math.max(filled, body.length * frameGrowth)
      this.#body = Buffer.allocUnsafeSlow(Math.min(this.#bodyLength, grown))
      this.#body.set(body.subarray(0, this.#bodyFilled))
    }
    this.#body?.set(chunk.subarray(offset, end), this.#bodyFilled)
    this.#bodyFilled = filled
    return end
  }
}

function rest(chunk: Uint8Array, offset: number): Uint8Array | undefined {
  return offset < chunk.length ? chunk.subarray(offset) : undefined
}
