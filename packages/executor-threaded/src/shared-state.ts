import { Buffer } from 'node:buffer'
/**
 * What the thread that runs cells (the user side) and the control thread share. Each word has one meaning and, apart from
 * `phase` and `wake`, one writer.
 */
export const word = {
  /** Who owns the user side's thread: see {@link phase}. */
  phase: 0,
  /** Ring: bytes ever committed (user side writes), modulo 2^32. */
  tail: 1,
  /** Ring: bytes ever consumed (control writes), modulo 2^32. */
  head: 2,
  /** The last inbox sequence number that the user side has taken care of. */
  inboxDone: 3,
  /** Counts reasons for a blocked user side to look again: room in the ring, a new inbox message. */
  wake: 4,
  /** How many terminal messages were committed to the ring. */
  terminals: 5,
  /** Top-level bindings of the namespace, for heartbeats. */
  bindings: 6,
  /** 1 when everything the user side asked to flush before exit is on the wire. */
  flushed: 7,
  /** V8's heap of the user side's isolate in KiB, for heartbeats. */
  heapUsedKib: 8,
  /** Counts how often the reader of the ring began to wait for more. */
  readerWaits: 9,
  /** Counts how often the writer of the ring began to wait for room. */
  writerWaits: 10,
  /** How often the user side's code has been terminated (control writes, before cell code may run again). */
  terminations: 11,
} as const

/**
 * The states of the user side's thread. `user`: cell code may run, it may be terminated. `harness`: Capsule's own code
 * runs, it must not be. `terminating`: the control thread has decided to terminate; the user side may not enter its
 * harness until that has happened. Only compare-and-swap leads out of `user`.
 */
export const phase = { user: 0, harness: 1, terminating: 2 } as const

export interface SharedState {
  readonly words: Int32Array<SharedArrayBuffer>
  readonly ring: Buffer<SharedArrayBuffer>
}

/** What crosses to the other thread in `workerData`. */
export interface SharedMemory {
  readonly words: SharedArrayBuffer
  readonly ring: SharedArrayBuffer
}

/** Bounds what a cell can have printed that the control thread has not looked at, and so how long its end waits behind it. A power of two; in less than 256 KiB a long text never fits beside what is kept free. */
const defaultRingBytes = 256 * 1024

export function createSharedMemory(ringBytes: number = defaultRingBytes): SharedMemory {
  return { words: new SharedArrayBuffer(64), ring: new SharedArrayBuffer(ringBytes) }
}

export function openSharedMemory(memory: SharedMemory): SharedState {
  return { words: new Int32Array(memory.words), ring: Buffer.from(memory.ring) }
}
