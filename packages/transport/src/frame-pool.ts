import { Buffer } from 'node:buffer'
import { frameHeaderBytes, pooledFrameBytes, pooledFrames, smallFrameBytes } from './limits.ts'

/** Free memory for frames, of all transports: bulk would otherwise keep the garbage collector busy. */
const free: Buffer[] = []

/** Whether a frame of this payload is large enough to be worth pooled memory, and small enough for it. */
export function isPooled(payload: Uint8Array): boolean {
  return payload.length >= smallFrameBytes && payload.length <= pooledFrameBytes - frameHeaderBytes
}

export interface PooledFrame {
  readonly frame: Uint8Array
  /** Once: nobody reads the frame any more. */
  readonly release: () => void
}

/** Header and payload in memory that is used again once it is released. */
export function encodePooledFrame(payload: Uint8Array): PooledFrame {
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(pooledFrameBytes)
  memory.writeUInt32BE(payload.length, 0)
  memory.set(payload, frameHeaderBytes)
  return {
    frame: memory.subarray(0, frameHeaderBytes + payload.length),
    release() {
      if (free.length < pooledFrames) free.push(memory)
    },
  }
}
