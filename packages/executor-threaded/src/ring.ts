import { add, load, notify, store, wait, waitAsync } from './atomics.ts'
import { RingText } from './ring-text.ts'
import { type SharedState, word } from './shared-state.ts'

/**
 * A ring of records from the user side to the control thread: one producer, one consumer. A record exists once its end
 * is committed, so code that is terminated in the middle of writing leaves nothing behind.
 *
 * record = int32 payload length, int32 kind | flags << 8 | id length << 16, payload, padding to 8 bytes
 * payload = execution id (latin1; length 0: as in the record before), then the body
 */
const recordKind = { padding: 0, text: 1, message: 2, blob: 3 } as const
export const textFlag = { stderr: 1, late: 2 } as const

const headerBytes = 8
const alignment = 8
/** One record's text: short enough that three bytes per UTF-16 unit never fill the ring. */
export const maxTextLength = 16 * 1024
/** A longer message goes through the message port; its record in the ring only keeps its place. */
export const maxMessageBytes = 32 * 1024
/** Kept free of text, so that a terminal message never waits for a reader. */
const reservedBytes = 4 * maxMessageBytes

/** For text that must not wait. */
export interface TextBound {
  /** Most bytes of the ring to be used; one record may be longer when nothing else waits. */
  readonly limitBytes: number
  /** What happens instead of waiting. */
  readonly refuse: () => never
}

export interface RingWriter {
  /** Waits (blocking this thread) while there is no room, unless there is a bound. */
  writeText(executionId: string, flags: number, text: string, bound?: TextBound): void
  writeMessage(body: Uint8Array): void
  /** Keeps the place of a message that was posted with this number. */
  writeBlob(sequence: number): void
}

export function createRingWriter({ words, ring }: SharedState): RingWriter {
  const ints = new Int32Array(ring.buffer)
  const mask = ring.length - 1
  let previousId = ''
  // the reader's wait that was ended: waking is a system call, so it is done once for each
  let wokenWait = 0

  const used = (): number => (load(words, word.tail) - load(words, word.head)) >>> 0

  /** The offset of a contiguous free area for this payload; what is left before the ring's end is padded over. */
  function reserve(payloadBytes: number, keepFree: number, bound?: TextBound): number {
    const recordBytes = align(headerBytes + payloadBytes)
    // told before the last look, so that the reader cannot make room unseen
    for (let isWaitTold = false; ; isWaitTold = !isWaitTold) {
      const wake = load(words, word.wake)
      const tail = load(words, word.tail)
      const offset = tail & mask
      const toEnd = ring.length - offset
      const needed = toEnd < recordBytes ? toEnd + recordBytes : recordBytes
      const usedBytes = used()
      const isWithinBound = bound === undefined || usedBytes === 0 || usedBytes + recordBytes <= bound.limitBytes
      if (isWithinBound && usedBytes + needed + keepFree <= ring.length) {
        if (toEnd >= recordBytes) return offset
        ints[offset >> 2] = toEnd - headerBytes
        ints[(offset >> 2) + 1] = recordKind.padding
        store(words, word.tail, (tail + toEnd) | 0)
        return 0
      }
      bound?.refuse()
      if (isWaitTold) wait(words, word.wake, wake)
      else add(words, word.writerWaits, 1)
    }
  }

  function commit(offset: number, payloadBytes: number, meta: number): void {
    ints[offset >> 2] = payloadBytes
    ints[(offset >> 2) + 1] = meta
    const recordBytes = align(headerBytes + payloadBytes)
    store(words, word.tail, (load(words, word.tail) + recordBytes) | 0)
    const readerWait = load(words, word.readerWaits)
    if (readerWait === wokenWait) return
    notify(words, word.tail)
    wokenWait = readerWait
  }

  return {
    writeText(executionId, flags, text, bound) {
      const id = executionId === previousId ? '' : executionId
      const offset = reserve(id.length + text.length * 3, reservedBytes, bound)
      const start = offset + headerBytes
      if (id !== '') ring.write(id, start, id.length, 'latin1')
      const textBytes = ring.write(text, start + id.length, text.length * 3, 'utf8')
      // forgotten first: a termination right behind the commit must not leave the two sides with different ids
      previousId = ''
      commit(offset, id.length + textBytes, recordKind.text | (flags << 8) | (id.length << 16))
      previousId = executionId
    },
    writeMessage(body) {
      const offset = reserve(body.length, 0)
      ring.set(body, offset + headerBytes)
      commit(offset, body.length, recordKind.message)
    },
    writeBlob(sequence) {
      const offset = reserve(4, 0)
      ints[(offset + headerBytes) >> 2] = sequence
      commit(offset, 4, recordKind.blob)
    },
  }
}

export interface RingReceiver {
  text(executionId: string, flags: number, text: string): void
  message(body: Uint8Array): void
  blob(sequence: number): void
}

export interface RingReader {
  /** Hands over what is committed, oldest first, while `mayContinue` agrees; says whether all of it was. */
  drain(mayContinue: () => boolean): boolean
  readonly isEmpty: boolean
  /** Calls back (once) when more is committed than `drain` has seen; at once if it already is. */
  whenMore(tell: () => void): void
}

export interface RingReaderOptions {
  /** Neighbouring texts of one source are handed over as one of at most so many bytes. @defaultValue 0 */
  readonly joinBytes?: number
}

export function createRingReader(
  { words, ring }: SharedState,
  receiver: RingReceiver,
  { joinBytes = 0 }: RingReaderOptions = {},
): RingReader {
  const ints = new Int32Array(ring.buffer)
  const mask = ring.length - 1
  const texts = new RingText({
    ring,
    limitBytes: joinBytes,
    deliver: (executionId, flags, text) => receiver.text(executionId, flags, text),
  })
  let previousId = ''
  let wokenWait = 0

  function read(offset: number): number {
    const payloadBytes = ints[offset >> 2] ?? 0
    const meta = ints[(offset >> 2) + 1] ?? 0
    const start = offset + headerBytes
    const end = start + payloadBytes
    switch (meta & 0xff) {
      case recordKind.text: {
        const idLength = meta >>> 16
        if (idLength > 0) previousId = ring.toString('latin1', start, start + idLength)
        texts.add(previousId, (meta >> 8) & 0xff, start + idLength, end)
        break
      }
      case recordKind.message:
        texts.flush()
        receiver.message(ring.subarray(start, end))
        break
      case recordKind.blob:
        texts.flush()
        receiver.blob(ints[start >> 2] ?? 0)
        break
    }
    return align(headerBytes + payloadBytes)
  }

  function release(head: number): void {
    store(words, word.head, head)
    const writerWait = load(words, word.writerWaits)
    const usedBytes = (load(words, word.tail) - head) >>> 0
    // a writer that waits gets enough room to be worth a change of threads
    if (writerWait === wokenWait || usedBytes * 2 > ring.length) return
    wokenWait = writerWait
    add(words, word.wake, 1)
    notify(words, word.wake)
  }

  return {
    drain(mayContinue) {
      let head = load(words, word.head)
      const tail = load(words, word.tail)
      let unreleased = 0
      while (head !== tail && mayContinue()) {
        const recordBytes = read(head & mask)
        head = (head + recordBytes) | 0
        unreleased += recordBytes
        // give room back early, so that the printing code does not wait for the whole of a full ring
        if (unreleased >= ring.length >> 2) {
          release(head)
          unreleased = 0
        }
      }
      texts.flush()
      if (unreleased > 0) release(head)
      return head === tail
    },
    get isEmpty() {
      return load(words, word.head) === load(words, word.tail)
    },
    whenMore(tell) {
      const head = load(words, word.head)
      add(words, word.readerWaits, 1)
      const waiting = waitAsync(words, word.tail, head)
      if (waiting.async) void waiting.value.then(tell)
      else setImmediate(tell)
    },
  }
}

function align(bytes: number): number {
  return (bytes + alignment - 1) & -alignment
}
