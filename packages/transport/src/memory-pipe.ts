import type { ByteSink, ByteSinkHandlers, ByteSource, ByteSourceHandlers, Lane } from './byte-pipes.ts'
import { encodeFrame } from './framing.ts'

/** One direction between two transports in the same process; it delivers in later turns, as a real pipe does. */
export interface MemoryPipe {
  readonly source: ByteSource
  readonly sink: ByteSink
  write(bytes: Uint8Array): void
  /** The writing process is gone: what is queued is delivered even to a paused reader, then the end. */
  hangUp(): void
  /** The reading process is gone: the writer's sink fails. */
  breakOff(): void
}

// the engine ends a cancelled cell's immediates, and a cell that prints is what calls the pipe
const { setImmediate } = globalThis

// unit: bytes; what one read from a socket brings at most
const chunkBytes = 64 * 1024

export function createMemoryPipe(): MemoryPipe {
  return new QueuedPipe()
}

class QueuedPipe implements MemoryPipe {
  readonly source: ByteSource = {
    open: (handlers) => void (this.#reader = handlers),
    pause: () => void (this.#isFlowing = false),
    resume: () => this.#resume(),
    close: () => this.#discard(),
  }
  readonly sink: ByteSink
  #reader: ByteSourceHandlers | undefined
  #writer: ByteSinkHandlers | undefined
  #queue: Uint8Array[] = []
  /** Behind the queue, whatever comes into that. */
  #bulk: Uint8Array[] = []
  #queuedBytes = 0
  #isFlowing = false
  #isScheduled = false
  /** `hung-up` delivers to a paused reader too, as a real pipe does when its process is gone. */
  #writing: 'open' | 'ended' | 'hung-up' = 'open'
  /** `discarding`: nobody wants the bytes any more. */
  #reading: 'open' | 'discarding' | 'over' = 'open'
  readonly #flushed = Promise.withResolvers<void>()

  constructor() {
    const queuedBytes = (): number => this.#queuedBytes
    this.sink = {
      get queuedBytes() {
        return queuedBytes()
      },
      open: (handlers) => void (this.#writer = handlers),
      writeFrame: (payload, _urgency, lane) => this.#add(encodeFrame(payload, Infinity), lane),
      joinLanes: () => this.#joinLanes(),
      end: () => this.#end(),
      destroy: () => this.#destroy(),
    }
  }

  write(bytes: Uint8Array): void {
    this.#add(bytes, 'control')
  }

  #add(bytes: Uint8Array, lane: Lane | undefined): void {
    if (this.#writing !== 'open' || this.#reading !== 'open') return
    const queue = lane === 'bulk' ? this.#bulk : this.#queue
    queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#schedule()
  }

  #joinLanes(): void {
    this.#queue = [...this.#queue, ...this.#bulk]
    this.#bulk = []
  }

  hangUp(): void {
    this.#writing = 'hung-up'
    this.#schedule()
  }

  breakOff(): void {
    if (this.#reading === 'over') return
    this.#discard()
    this.#writer?.fail(new Error('EPIPE: the reading process is gone'))
  }

  #resume(): void {
    this.#isFlowing = true
    this.#schedule()
  }

  #end(): Promise<void> {
    if (this.#writing === 'open') this.#writing = 'ended'
    this.#schedule()
    return this.#flushed.promise
  }

  #destroy(): void {
    if (this.#writing === 'hung-up') return
    this.#writing = 'ended'
    this.#drop()
    this.#schedule()
  }

  #discard(): void {
    if (this.#reading === 'open') this.#reading = 'discarding'
    this.#drop()
    this.#schedule()
  }

  #drop(): void {
    this.#queue = []
    this.#bulk = []
    this.#queuedBytes = 0
    this.#writer?.progress()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#run()
    })
  }

  #run(): void {
    while (this.#isFlowing || this.#writing === 'hung-up') {
      const bytes = this.#takeChunk()
      if (bytes === undefined) break
      this.#reader?.data(bytes)
    }
    this.#writer?.progress()
    if (this.#queuedBytes > 0 || this.#writing === 'open') return
    this.#flushed.resolve()
    if (this.#reading === 'open') this.#reader?.end()
    this.#reading = 'over'
  }

  /** As a socket does, one chunk may hold many frames. */
  #takeChunk(): Uint8Array | undefined {
    const queue = this.#queue.length > 0 ? this.#queue : this.#bulk
    const first = queue[0]
    if (first === undefined) return undefined
    let count = 1
    let bytes = first.length
    for (let next = queue[1]; next !== undefined && bytes + next.length <= chunkBytes; next = queue[count]) {
      bytes += next.length
      count++
    }
    this.#queuedBytes -= bytes
    return Buffer.concat(queue.splice(0, count), bytes)
  }
}
