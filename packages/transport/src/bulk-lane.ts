import type { Socket } from 'node:net'
import { encodePooledFrame, isPooled } from './frame-pool.ts'
import { encodeFrame } from './framing.ts'
import { bulkAheadBytes } from './limits.ts'

export interface BulkLane {
  /** Held back here, not yet in the socket. */
  readonly queuedBytes: number
  /** Takes a copy of the payload. */
  write(payload: Uint8Array): void
  /** Passes on what the socket has room for. */
  pump(): void
  /** Passes on everything. */
  flush(): void
  /** Calls back when nothing is held back any more. */
  whenEmpty(then: () => void): void
  drop(): void
}

interface Held {
  readonly frame: Uint8Array
  readonly release: (() => void) | undefined
}

/**
 * Bulk on its way into a socket, so much at a time that what overtakes it finds at most 64 KiB or one frame ahead of it
 * in this process. What the system has taken (some 200 KiB of a pipe) is ahead all the same.
 */
export function createBulkLane(socket: Socket, onWritten: () => void): BulkLane {
  let held: Held[] = []
  // entries before this index have left: shifting a long array would cost its length each time
  let first = 0
  let queuedBytes = 0
  let waiting: (() => void) | undefined

  const pass = ({ frame, release }: Held): void => {
    socket.write(frame, () => {
      release?.()
      onWritten()
      pump()
    })
  }
  const passWhile = (mayPass: () => boolean): void => {
    socket.cork()
    for (let next = held[first]; next !== undefined && mayPass(); next = held[first]) {
      first++
      queuedBytes -= next.frame.length
      pass(next)
    }
    socket.uncork()
    if (first === held.length) {
      held = []
      first = 0
      waiting?.()
      waiting = undefined
    } else if (first > 64 && first * 2 > held.length) {
      held = held.slice(first)
      first = 0
    }
  }
  const hasRoom = (): boolean => socket.writableLength < bulkAheadBytes
  const pump = (): void => {
    if (queuedBytes > 0) passWhile(hasRoom)
  }
  return {
    get queuedBytes() {
      return queuedBytes
    },
    write(payload) {
      const next = frameOf(payload)
      if (queuedBytes === 0 && hasRoom()) return pass(next)
      held.push(next)
      queuedBytes += next.frame.length
    },
    pump,
    flush: () => passWhile(() => true),
    whenEmpty(then) {
      if (queuedBytes === 0) then()
      else waiting = then
    },
    drop() {
      for (const { release } of held.slice(first)) release?.()
      held = []
      first = 0
      queuedBytes = 0
    },
  }
}

function frameOf(payload: Uint8Array): Held {
  if (isPooled(payload)) return encodePooledFrame(payload)
  return { frame: encodeFrame(payload, Infinity), release: undefined }
}
