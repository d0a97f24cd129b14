/** What a source of bytes calls, never after `end` or `fail`. */
export interface ByteSourceHandlers {
  data(chunk: Uint8Array): void
  end(): void
  fail(error: unknown): void
}

/** Where bytes come from. Starts paused; chunks that are under way may still arrive after `pause`. */
export interface ByteSource {
  open(handlers: ByteSourceHandlers): void
  pause(): void
  resume(): void
  /** Nothing more is wanted from it. */
  close(): void
}

/** What a sink of bytes calls. */
export interface ByteSinkHandlers {
  /** `queuedBytes` has become smaller. */
  progress(): void
  /** Once: nothing more can be written. */
  fail(error: unknown): void
}

/**
 * When a frame must be with the system. `now`: before `writeFrame` returns. `turn`: bulk, at the end of the turn at the
 * latest. `next`: with whatever frame follows, at the end of the turn at the latest.
 */
export type Urgency = 'now' | 'turn' | 'next'

/**
 * `bulk` may be overtaken by `control` while it waits in this process; each keeps its own order. A sink that holds nothing
 * back needs no lanes.
 */
export type Lane = 'control' | 'bulk'

/** Where bytes go, in order of their lane. */
export interface ByteSink {
  /** Accepted and not yet handed to the system. */
  readonly queuedBytes: number
  open(handlers: ByteSinkHandlers): void
  /** Queues one frame with this payload, of a size already checked. The payload's memory is not used after it returns. */
  writeFrame(payload: Uint8Array, urgency: Urgency, lane?: Lane): void
  /** What is written from here on overtakes nothing that was written before. */
  joinLanes?(): void
  /** Writes out what is queued, then closes; resolves also when that fails (and then `fail` was called). */
  end(): Promise<void>
  /** Closes at once and drops what is queued. */
  destroy(): void
}
