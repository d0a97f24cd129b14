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
  /** As `writeMessage`, but waits for room as text does. */
  writeShown(body: Uint8Array, bound?: TextBound): void
  /** Keeps the place of a message that was posted with this number. */
  writeBlob(sequence: number): void
}

export function createRingWriter(shared: SharedState): RingWriter {
  return new Writer(shared)
}

class Writer implements RingWriter {
  readonly #words: SharedState['words']
  readonly #ring: SharedState['ring']
  readonly #ints: Int32Array
  #previousId = ''
  // the reader's wait that was ended: waking is a system call, so it is done once for each
  #wokenWait = 0

  constructor({ words, ring }: SharedState) {
    this.#words = words
    this.#ring = ring
    this.#ints = new Int32Array(ring.buffer)
  }

  writeText(executionId: string, flags: number, text: string, bound?: TextBound): void {
    const ring = this.#ring
    const id = executionId === this.#previousId ? '' : executionId
    const offset = this.#reserve(id.length + text.length * 3, reservedBytes, bound)
    const start = offset + headerBytes
    if (id !== '') ring.write(id, start, id.length, 'latin1')
    const textBytes = ring.write(text, start + id.length, text.length * 3, 'utf8')
    // forgotten first: a termination right behind the commit must not leave the two sides with different ids
    this.#previousId = ''
    this.#commit(offset, id.length + textBytes, recordKind.text | (flags << 8) | (id.length << 16))
    this.#previousId = executionId
  }

  writeMessage(body: Uint8Array): void {
    this.#putMessage(body, this.#reserve(body.length, 0))
  }

  writeShown(body: Uint8Array, bound?: TextBound): void {
    this.#putMessage(body, this.#reserve(body.length, reservedBytes, bound))
  }

  writeBlob(sequence: number): void {
    const offset = this.#reserve(4, 0)
    this.#ints[(offset + headerBytes) >> 2] = sequence
    this.#commit(offset, 4, recordKind.blob)
  }

  #putMessage(body: Uint8Array, offset: number): void {
    this.#ring.set(body, offset + headerBytes)
    this.#commit(offset, body.length, recordKind.message)
  }

  /** The offset of a contiguous free area for this payload; what is left before the ring's end is padded over. */
  #reserve(payloadBytes: number, keepFree: number, bound?: TextBound): number {
    const words = this.#words
    const ringBytes = this.#ring.length
    const recordBytes = align(headerBytes + payloadBytes)
    // told before the last look, so that the reader cannot make room unseen
    for (let isWaitTold = false; ; isWaitTold = !isWaitTold) {
      const wake = load(words, word.wake)
      const tail = load(words, word.tail)
      const offset = tail & (ringBytes - 1)
      const toEnd = ringBytes - offset
      const needed = toEnd < recordBytes ? toEnd + recordBytes : recordBytes
      const usedBytes = (tail - load(words, word.head)) >>> 0
      const isWithinBound = bound === undefined || usedBytes === 0 || usedBytes + recordBytes <= bound.limitBytes
      if (isWithinBound && usedBytes + needed + keepFree <= ringBytes) {
        if (toEnd >= recordBytes) return offset
        this.#ints[offset >> 2] = toEnd - headerBytes
        this.#ints[(offset >> 2) + 1] = recordKind.padding
        store(words, word.tail, (tail + toEnd) | 0)
        return 0
      }
      bound?.refuse()
      if (isWaitTold) wait(words, word.wake, wake)
      else add(words, word.writerWaits, 1)
    }
  }

  #commit(offset: number, payloadBytes: number, meta: number): void {
    const words = this.#words
    this.#ints[offset >> 2] = payloadBytes
    this.#ints[(offset >> 2) + 1] = meta
    const recordBytes = align(headerBytes + payloadBytes)
    store(words, word.tail, (load(words, word.tail) + recordBytes) | 0)
    const readerWait = load(words, word.readerWaits)
    if (readerWait === this.#wokenWait) return
    notify(words, word.tail)
    this.#wokenWait = readerWait
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
  shared: SharedState,
  receiver: RingReceiver,
  options: RingReaderOptions = {},
): RingReader {
  return new Reader(shared, receiver, options)
}

class Reader implements RingReader {
  readonly #words: SharedState['words']
  readonly #ring: SharedState['ring']
  readonly #ints: Int32Array
  readonly #receiver: RingReceiver
  readonly #texts: RingText
  #previousId = ''
  #wokenWait = 0

  constructor({ words, ring }: SharedState, receiver: RingReceiver, { joinBytes = 0 }: RingReaderOptions) {
    this.#words = words
    this.#ring = ring
    this.#ints = new Int32Array(ring.buffer)
    this.#receiver = receiver
    this.#texts = new RingText({
      ring,
      limitBytes: joinBytes,
      deliver: (executionId, flags, text) => receiver.text(executionId, flags, text),
    })
  }

  drain(mayContinue: () => boolean): boolean {
    const mask = this.#ring.length - 1
    let head = load(this.#words, word.head)
    const tail = load(this.#words, word.tail)
    let unreleased = 0
    while (head !== tail && mayContinue()) {
      const recordBytes = this.#read(head & mask)
      head = (head + recordBytes) | 0
      unreleased += recordBytes
      // give room back early, so that the printing code does not wait for the whole of a full ring
      if (unreleased >= this.#ring.length >> 2) {
        this.#release(head)
        unreleased = 0
      }
    }
    this.#texts.flush()
    if (unreleased > 0) this.#release(head)
    return head === tail
  }

  get isEmpty(): boolean {
    return load(this.#words, word.head) === load(this.#words, word.tail)
  }

  whenMore(tell: () => void): void {
    const head = load(this.#words, word.head)
    add(this.#words, word.readerWaits, 1)
    const waiting = waitAsync(this.#words, word.tail, head)
    if (waiting.async) void waiting.value.then(tell)
    else setImmediate(tell)
  }

  #read(offset: number): number {
    const payloadBytes = this.#ints[offset >> 2] ?? 0
    const meta = this.#ints[(offset >> 2) + 1] ?? 0
    const start = offset + headerBytes
    const end = start + payloadBytes
    switch (meta & 0xff) {
      case recordKind.text: {
        const idLength = meta >>> 16
        if (idLength > 0) this.#previousId = this.#ring.toString('latin1', start, start + idLength)
        this.#texts.add(this.#previousId, (meta >> 8) & 0xff, start + idLength, end)
        break
      }
      case recordKind.message:
        this.#texts.flush()
        this.#receiver.message(this.#ring.subarray(start, end))
        break
      case recordKind.blob:
        this.#texts.flush()
        this.#receiver.blob(this.#ints[start >> 2] ?? 0)
        break
    }
    return align(headerBytes + payloadBytes)
  }

  #release(head: number): void {
    const words = this.#words
    store(words, word.head, head)
    const writerWait = load(words, word.writerWaits)
    const usedBytes = (load(words, word.tail) - head) >>> 0
    // a writer that waits gets enough room to be worth a change of threads
    if (writerWait === this.#wokenWait || usedBytes * 2 > this.#ring.length) return
    this.#wokenWait = writerWait
    add(words, word.wake, 1)
    notify(words, word.wake)
  }
}

function align(bytes: number): number {
  return (bytes + alignment - 1) & -alignment
}
