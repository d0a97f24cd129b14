import type { DisplayMessage, ProgressMessage, StreamName } from '@capsule/protocol'
import type { OrderedMessage } from './output-pump.ts'

/** Text that waits; `bytes` is the UTF-8 length of `text`. */
export interface OutputEntry {
  readonly kind: 'output'
  readonly executionId: string
  readonly stream: StreamName
  readonly late: boolean
  text: string
  bytes: number
}

/** A display, or a part of one, or progress: it is bounded and takes credit as text does, but is not cut. */
export interface ShownEntry {
  readonly kind: 'shown'
  readonly executionId: string
  readonly late: boolean
  readonly message: DisplayMessage | ProgressMessage
  readonly bytes: number
}

/** A message that waits behind the output written before it. */
export interface OrderedEntry {
  readonly kind: 'ordered'
  readonly executionId: string | undefined
  readonly message: OrderedMessage
  readonly isTerminal: boolean
  readonly queuedAtMs: number
}

export type QueueEntry = (OutputEntry | ShownEntry | OrderedEntry) & Links

interface Links {
  /** Grows along the queue. */
  readonly sequence: number
  previous: QueueEntry | undefined
  next: QueueEntry | undefined
}

/** A linked list, because dropping the oldest output takes entries from behind the messages that must stay. */
export class EntryQueue {
  first: QueueEntry | undefined
  last: QueueEntry | undefined
  /** Bytes of all waiting text, displays and progress. */
  bytes = 0
  #sequence = 0

  get firstTerminal(): OrderedEntry | undefined {
    for (let entry = this.first; entry !== undefined; entry = entry.next) {
      if (entry.kind === 'ordered' && entry.isTerminal) return entry
    }
    return undefined
  }

  /** The number of the newest entry ever appended. */
  get sequence(): number {
    return this.#sequence
  }

  append(item: OutputEntry | ShownEntry | OrderedEntry): void {
    const entry = linked(item, ++this.#sequence, this.last)
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    if (entry.kind !== 'ordered') this.bytes += entry.bytes
    this.#joinProgress(entry.previous, entry)
  }

  remove(entry: QueueEntry): void {
    if (entry.previous === undefined) this.first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.last = entry.previous
    else entry.next.previous = entry.previous
    if (entry.kind !== 'ordered') this.bytes -= entry.bytes
    this.#joinProgress(entry.previous, entry.next)
  }

  /** Of progress with nothing between, only the newer counts. */
  #joinProgress(older: QueueEntry | undefined, newer: QueueEntry | undefined): void {
    if (older?.kind !== 'shown' || newer?.kind !== 'shown' || older.executionId !== newer.executionId) return
    if (older.message.type === 'progress' && newer.message.type === 'progress') this.remove(older)
  }

  /** Joins text to the last entry if it is of the same source and the sum stays within the limit. */
  join({ executionId, stream, late, text, bytes }: OutputEntry, limitBytes: number): boolean {
    const last = this.last
    if (last?.kind !== 'output' || last.executionId !== executionId || last.stream !== stream || last.late !== late)
      return false
    if (last.bytes + bytes > limitBytes) return false
    last.text += text
    last.bytes += bytes
    this.bytes += bytes
    return true
  }

  /** Cuts a piece from the front of waiting text. */
  take(entry: OutputEntry & QueueEntry, piece: Piece): void {
    entry.text = piece.rest
    entry.bytes -= piece.bytes
    this.bytes -= piece.bytes
    if (entry.bytes === 0) this.remove(entry)
  }

  *[Symbol.iterator](): Generator<QueueEntry, void> {
    for (let entry = this.first; entry !== undefined;) {
      // read before the caller removes the entry
      const { next } = entry
      yield entry
      entry = next
    }
  }
}

// copied by name: spreading costs more than all the rest of a write
function linked(
  item: OutputEntry | ShownEntry | OrderedEntry,
  sequence: number,
  previous: QueueEntry | undefined,
): QueueEntry {
  if (item.kind !== 'output') return { ...item, sequence, previous, next: undefined }
  const { kind, executionId, stream, late, text, bytes } = item
  return { kind, executionId, stream, late, text, bytes, sequence, previous, next: undefined }
}

/** The front of a text, and what is left of it. */
export interface Piece {
  readonly text: string
  readonly bytes: number
  readonly rest: string
}
