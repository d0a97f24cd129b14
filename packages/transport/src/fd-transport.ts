import { Socket } from 'node:net'
import { systemClock } from '@capsule/core'
import type { FrameLimits } from '@capsule/protocol'
import type { ByteSink } from './byte-pipes.ts'
import { MessageTransport } from './message-transport.ts'
import { createSlabSink } from './slab-sink.ts'
import { createSocketSink, createSocketSource } from './stream-pipes.ts'
import type { Transport } from './transport.ts'

export interface FdTransportOptions {
  /** A pipe or socket to read from; becomes owned by the transport. */
  readonly readFd: number
  /** A pipe or socket to write to; becomes owned by the transport. */
  readonly writeFd: number
  /**
   * `async`: never blocks, queues in memory; what is queued is lost at `process.exit`, so `await close()` before it.
   * `blocking`: `send` returns when the system has the bytes (small `output` frames: at the end of the turn or `flush`),
   * and blocks while the peer does not read.
   */
  readonly write: 'async' | 'blocking'
  readonly limits?: FrameLimits
  /** Queued bytes above which `send` returns false. @defaultValue 1 MiB */
  readonly highWaterBytes?: number
}

export interface FdTransport<Out extends object> extends Transport<Out> {
  /** Hands gathered frames to the system; `async` gathers none. Call it before `process.exit`. */
  flush(): void
}

/** The worker's side: messages over two inherited file descriptors. */
export function createFdTransport<Out extends object>(options: FdTransportOptions): FdTransport<Out> {
  const { readFd, writeFd, write, limits, highWaterBytes } = options
  const source = createSocketSource(new Socket({ fd: readFd, readable: true, writable: false }), 'destroy')
  const common = { kind: `fd-${write}`, source, clock: systemClock, limits, highWaterBytes }
  if (write === 'async') {
    const sink = createSocketSink(new Socket({ fd: writeFd, readable: false, writable: true }), highWaterBytes)
    return new FdMessageTransport<Out>(common, sink, () => {})
  }
  const sink = createSlabSink(writeFd)
  return new FdMessageTransport<Out>(common, sink, () => sink.flush())
}

class FdMessageTransport<Out extends object> extends MessageTransport<Out> implements FdTransport<Out> {
  readonly flush: () => void

  constructor(
    common: Omit<ConstructorParameters<typeof MessageTransport>[0], 'sink'>,
    sink: ByteSink,
    flush: () => void,
  ) {
    super({ ...common, sink })
    this.flush = flush
  }
}
