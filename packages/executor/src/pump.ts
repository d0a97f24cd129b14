/* oxlint-disable max-lines -- one queue: what waits, its credit, its back-pressure and its deadline are one state */
import { Buffer } from 'node:buffer'
import type { Timer } from '@capsule/core'
import {
  creditedBytes,
  type DisplayMessage,
  type OutputCounters,
  type ProgressMessage,
  type ResultMessage,
  type StreamName,
  type TerminalErrorMessage,
} from '@capsule/protocol'
import { cutFirst, cutText } from './cut-text.ts'
import {
  EntryQueue,
  type OrderedEntry,
  type OutputEntry,
  type Piece,
  type QueueEntry,
  type ShownEntry,
} from './entry-queue.ts'
import { executorErrors } from './errors.ts'
import type { ExecutorMessage } from './executor.ts'
import { OutputLedger } from './output-ledger.ts'
import type { OrderedMessage, OutputPump, OutputPumpOptions, UncountedTerminal, WriteOutcome } from './output-pump.ts'
import { isStopped, isTerminalMessage } from './terminal.ts'
import { TurnGate } from './turn-gate.ts'
import { undrained } from './undrained.ts'

interface Waiter {
  readonly sequence: number
  readonly resolve: () => void
}

// cells may replace it
const byteLength = Buffer.byteLength.bind(Buffer)

// unit: bytes; larger messages are no faster, and the many small texts that wait for one outlive collections of garbage
const longestGatherBytes = 16 * 1024

export class Pump implements OutputPump {
  readonly #options: OutputPumpOptions
  readonly #windowBytes: number
  readonly chunkBytes: number
  readonly #queue = new EntryQueue()
  readonly #ledger = new OutputLedger()
  readonly counters: OutputCounters = this.#ledger.total
  readonly #waiters: Waiter[] = []
  readonly #gate: TurnGate | undefined
  readonly #gatherBytes: number
  #creditBytes: number
  #transport: 'ready' | 'stalled' | 'disposed' = 'ready'
  #isPumping = false
  #batches = 0
  // bytes of the refused write, or 1 after the buffer was found full: what onRoom waits for
  #wantedBytes = 0
  #drainTimer: Timer | undefined
  #progressAtMs: number
  #hasWarned = false
  // what is before the end of a stopped execution leaves without credit: up to this place in the queue
  #freeUntil = 0
  // the last part of a display was dropped: the rest of it goes the same way
  #isDroppingParts = false

  constructor(options: OutputPumpOptions) {
    this.#options = options
    this.#windowBytes = options.windowBytes ?? Infinity
    this.#creditBytes = this.#windowBytes
    const { outputChunkBytes, outputBufferBytes } = options.settings
    // at most a quarter of the buffer, so that dropping the oldest chunk does not empty it
    this.chunkBytes = Math.max(1, Math.min(outputChunkBytes, Math.ceil(outputBufferBytes / 4)))
    this.#gatherBytes = Math.min(this.chunkBytes, longestGatherBytes)
    const { clock, gatherMs: holdMs = 0 } = options
    this.#gate = holdMs > 0 ? new TurnGate({ clock, holdMs, endTurn: () => this.sendGathered() }) : undefined
    this.#progressAtMs = clock.now()
  }

  get queuedBytes(): number {
    return this.#queue.bytes
  }
  get isFull(): boolean {
    return this.#wantedBytes > 0 || this.#queue.bytes >= this.#options.settings.outputBufferBytes
  }

  write(executionId: string, stream: StreamName, printed: string, late = false): WriteOutcome {
    if (printed === '' || this.#transport === 'disposed') return 'accepted'
    // an encoder would do the same to lone surrogates, after the bytes have been counted
    const text = printed.isWellFormed() ? printed : printed.toWellFormed()
    const bytes = byteLength(text)
    const isLate = late || this.#ledger.isSettled(executionId)
    return this.#take({ kind: 'output', executionId, stream, late: isLate, text, bytes })
  }

  show(message: DisplayMessage | ProgressMessage): WriteOutcome {
    if (this.#transport === 'disposed') return 'accepted'
    const { executionId } = message
    const isSettled = this.#ledger.isSettled(executionId)
    const bytes = creditedBytes(message)
    if (message.type === 'progress') {
      // a finished cell has none
      return isSettled ? 'accepted' : this.#take({ kind: 'shown', executionId, late: false, message, bytes })
    }
    const late = isSettled || message.late === true
    return this.#take({ kind: 'shown', executionId, late, message: late ? { ...message, late } : message, bytes })
  }

  #take(entry: OutputEntry | ShownEntry): WriteOutcome {
    const { bytes } = entry
    // the buffer may be full of what could leave
    if (!this.#fits(bytes)) this.#pump()
    if (!this.#fits(bytes) || this.#isOfDropped(entry)) {
      const refusal = this.#makeRoom(entry)
      if (refusal !== undefined) return refusal
    }
    if (entry.kind === 'shown') this.#isDroppingParts = false
    if (entry.kind === 'shown' || !this.#queue.join(entry, this.chunkBytes)) this.#queue.append(entry)
    if (this.#batches === 0 && (entry.kind === 'shown' || !this.#gathers())) this.#pump()
    if (this.#queue.bytes >= this.#options.settings.outputBufferBytes) this.#wantedBytes ||= 1
    return 'accepted'
  }

  send(message: OrderedMessage): void {
    if (this.#transport === 'disposed') return
    const isTerminal = isTerminalMessage(message)
    // most cells print nothing, and their end finds the way free
    if (this.#isWayFree) return this.#sendAtOnce(message, isTerminal)
    if (isTerminal && !this.#ledger.settle(message.executionId)) return
    const { executionId } = message
    this.#queue.append({ kind: 'ordered', executionId, message, isTerminal, queuedAtMs: this.#options.clock.now() })
    // its reader is not waited for any more, and each window of credit would take a whole turn of a busy host
    if (isStopped(message)) this.#freeUntil = this.#queue.sequence
    if (this.#batches === 0) this.#pump()
    this.#watchDrain()
  }

  credit(bytes: number): void {
    if (bytes <= 0) return
    this.#creditBytes += bytes
    this.#progressAtMs = this.#options.clock.now()
    this.#pump()
  }

  resume(): void {
    if (this.#transport !== 'stalled') return
    this.#transport = 'ready'
    this.#progressAtMs = this.#options.clock.now()
    this.#pump()
  }

  batch<T>(run: () => T): T {
    this.#batches++
    try {
      return run()
    } finally {
      if (--this.#batches === 0) this.#pump()
    }
  }

  sendGathered(): void {
    if (this.#batches === 0 && this.#queue.first !== undefined) this.#pump()
  }

  flush(): Promise<void> {
    if (this.#queue.first === undefined) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ sequence: this.#queue.sequence, resolve }))
  }

  dispose(): void {
    this.#transport = 'disposed'
    this.#drainTimer?.cancel()
    for (const entry of this.#queue) this.#queue.remove(entry)
    this.#ledger.clear()
    this.#afterRemoval()
  }

  /** Nothing waits, so that a message need not be queued to keep its place. */
  get #isWayFree(): boolean {
    return this.#transport === 'ready' && this.#queue.first === undefined && !this.#isPumping
  }

  #sendAtOnce(message: OrderedMessage, isTerminal: boolean): void {
    this.#isPumping = true
    try {
      this.#handOver(this.#counted({ message, isTerminal }))
    } finally {
      this.#isPumping = false
    }
    // `send` may have called back into the pump
    this.sendGathered()
  }

  #gathers(): boolean {
    return this.#gate?.holds() === true && this.#queue.bytes < this.#gatherBytes
  }

  /** A text larger than the whole buffer is taken when nothing else waits. */
  #fits(bytes: number): boolean {
    const queued = this.#queue.bytes
    return queued === 0 || queued + bytes <= this.#options.settings.outputBufferBytes
  }

  #makeRoom(entry: OutputEntry | ShownEntry): WriteOutcome | undefined {
    // bounded all the same: what has nothing accepted between joins
    if (entry.kind === 'shown' && entry.message.type === 'progress') return undefined
    switch (this.#options.settings.backPressure) {
      case 'block':
        if (this.#options.overfill === true) return undefined
        this.#wantedBytes = entry.bytes
        return 'full'
      case 'error':
        this.#wantedBytes = entry.bytes
        this.#drop(entry, entry.bytes)
        return 'overflow'
      case 'drop-new':
        return this.#dropWhole(entry)
      case 'drop-oldest':
        this.#dropOldest(entry.bytes)
        // the oldest that may go is text: a display that still has no room goes itself
        return entry.kind === 'output' || (this.#fits(entry.bytes) && !this.#isOfDropped(entry))
          ? undefined
          : this.#dropWhole(entry)
    }
  }

  #dropWhole(entry: OutputEntry | ShownEntry): WriteOutcome {
    this.#drop(entry, entry.bytes)
    if (entry.kind === 'shown') this.#isDroppingParts = true
    return 'accepted'
  }

  #isOfDropped(entry: OutputEntry | ShownEntry): boolean {
    if (!this.#isDroppingParts || entry.kind === 'output' || entry.message.type === 'progress') return false
    return (entry.message.part?.index ?? 0) > 0
  }

  #dropOldest(neededBytes: number): void {
    for (const entry of this.#queue) {
      while (entry.kind === 'output' && entry.bytes > 0 && !this.#fits(neededBytes)) {
        const piece = cutText(entry.text, entry.bytes, this.chunkBytes) ?? cutFirst(entry.text)
        this.#queue.take(entry, piece)
        this.#drop(entry, piece.bytes)
      }
      if (this.#fits(neededBytes)) break
    }
    this.#afterRemoval()
  }

  #drop(entry: OutputEntry | ShownEntry, bytes: number): void {
    const { executionId, late } = entry
    const stream = entry.kind === 'output' ? entry.stream : 'display'
    for (const counters of this.#ledger.countersOf(executionId, late)) {
      counters.droppedBytes += bytes
      counters.droppedChunks++
    }
    this.#options.onDropped?.({ executionId, stream, bytes })
  }

  /** Sends from the front as long as the transport and the credit allow. */
  #pump(): void {
    // `send` and `onRoom` may call back into the pump; the loop below sees what they changed
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      let entry = this.#queue.first
      while (entry !== undefined && this.#transport === 'ready' && this.#sendEntry(entry)) entry = this.#queue.first
    } finally {
      this.#isPumping = false
    }
    this.#afterRemoval()
  }

  #sendEntry(entry: QueueEntry): boolean {
    if (entry.kind === 'ordered') {
      this.#queue.remove(entry)
      this.#handOver(this.#counted(entry))
      return true
    }
    if (entry.kind === 'shown') {
      // the credit may end below zero, by less than one part of a display
      if (this.#creditBytes <= 0 && !this.#isFree(entry)) return false
      this.#queue.remove(entry)
      this.#count(entry, entry.bytes)
      this.#handOver(entry.message)
      return true
    }
    const piece = this.#nextPiece(entry)
    if (piece === undefined) return false
    this.#queue.take(entry, piece)
    this.#sendOutput(entry, piece)
    return true
  }

  /** It leaves whatever the credit is, which then counts from below zero. The buffers bound how far. */
  #isFree({ sequence }: QueueEntry): boolean {
    return sequence <= this.#freeUntil
  }

  #nextPiece(entry: OutputEntry & QueueEntry): Piece | undefined {
    const { text, bytes } = entry
    const creditBytes = this.#isFree(entry) ? Infinity : this.#creditBytes
    if (creditBytes <= 0) return undefined
    const piece = cutText(text, bytes, Math.min(this.chunkBytes, creditBytes))
    // a chunk or window too small for one character must not stop everything
    return piece ?? (creditBytes >= Math.min(this.chunkBytes, this.#windowBytes) ? cutFirst(text) : undefined)
  }

  #count({ executionId, late }: OutputEntry | ShownEntry, bytes: number): void {
    this.#creditBytes -= bytes
    for (const counters of this.#ledger.countersOf(executionId, late)) counters.bytes += bytes
  }

  #sendOutput(entry: OutputEntry, { text, bytes }: Piece): void {
    const { executionId, stream, late } = entry
    this.#count(entry, bytes)
    this.#handOver({ type: 'output', executionId, stream, text, ...(late ? { late: true as const } : {}) })
  }

  #handOver(message: ExecutorMessage): void {
    this.#progressAtMs = this.#options.clock.now()
    if (!this.#options.send(message) && this.#transport === 'ready') this.#transport = 'stalled'
  }

  #counted({ message, isTerminal }: Pick<OrderedEntry, 'message' | 'isTerminal'>): ExecutorMessage {
    if (!isTerminal) return message as ExecutorMessage
    const { executionId } = message as UncountedTerminal
    return { ...(message as UncountedTerminal), output: this.#ledger.close(executionId) }
  }

  #afterRemoval(): void {
    const first = this.#queue.first?.sequence ?? Infinity
    while (this.#waiters[0] !== undefined && this.#waiters[0].sequence < first) this.#waiters.shift()?.resolve()
    const { outputBufferBytes } = this.#options.settings
    if (this.#wantedBytes > 0 && this.#queue.bytes < outputBufferBytes && this.#fits(this.#wantedBytes)) {
      this.#wantedBytes = 0
      if (this.#transport !== 'disposed') this.#options.onRoom?.()
    }
  }

  #watchDrain(): void {
    if (this.#drainTimer !== undefined || this.#transport === 'disposed') return
    const oldest = this.#queue.firstTerminal
    if (oldest === undefined) return
    const { clock, settings } = this.#options
    const deadlineMs = Math.max(oldest.queuedAtMs, this.#progressAtMs) + settings.drainTimeoutMs
    this.#drainTimer = clock.setTimer(Math.max(0, deadlineMs - clock.now()), () => {
      this.#drainTimer = undefined
      this.#expire()
      this.#watchDrain()
    })
  }

  #expire(): void {
    const { clock, settings } = this.#options
    const limitMs = clock.now() - settings.drainTimeoutMs
    if (this.#progressAtMs > limitMs) return
    const progressAtMs = this.#progressAtMs
    // what `send` calls back must not change the queue under this loop
    this.#isPumping = true
    try {
      for (const entry of this.#queue) {
        if (entry.kind === 'ordered' && entry.isTerminal && entry.queuedAtMs <= limitMs) this.#giveUp(entry)
      }
    } finally {
      this.#isPumping = false
    }
    // giving up on one execution is not progress of the others
    this.#progressAtMs = progressAtMs
    this.#pump()
  }

  /** Ends one execution past its deadline: its output is discarded, its messages overtake what others have queued. */
  #giveUp(terminal: OrderedEntry & QueueEntry): void {
    const { executionId } = terminal
    let discardedBytes = 0
    for (const entry of this.#queue) {
      if (entry === terminal) break
      if (entry.executionId !== executionId) continue
      this.#queue.remove(entry)
      if (entry.kind === 'ordered') this.#handOver(this.#counted(entry))
      else {
        discardedBytes += entry.bytes
        this.#drop(entry, entry.bytes)
      }
    }
    this.#queue.remove(terminal)
    this.#handOver(this.#settledLate(this.#counted(terminal) as ResultMessage | TerminalErrorMessage, discardedBytes))
  }

  #settledLate(message: ResultMessage | TerminalErrorMessage, discardedBytes: number): ExecutorMessage {
    if (discardedBytes === 0) return message
    const { drainTimeoutMs, suppressDrainErrors } = this.#options.settings
    const failure = executorErrors.OUTPUT_NOT_DRAINED({ drainTimeoutMs, discardedBytes })
    if (!suppressDrainErrors) return undrained(message, failure)
    this.#warnOnce(message, `capsule: ${failure.message} (suppressDrainErrors)\n`)
    return message
  }

  /** The warning may exceed the credit by its own length; credit then counts from below zero. */
  #warnOnce({ executionId, output }: ResultMessage | TerminalErrorMessage, text: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    const bytes = byteLength(text)
    this.#creditBytes -= bytes
    output.bytes += bytes
    this.#ledger.total.bytes += bytes
    this.#handOver({ type: 'output', executionId, stream: 'stderr', text })
  }
}
