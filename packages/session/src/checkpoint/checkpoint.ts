import type { BindingReport } from '@capsule/protocol'

/** A session's namespace at one moment, sealed to bytes that can be kept anywhere. */
export interface Checkpoint {
  /** Matches `[A-Za-z0-9_-]{1,128}`. */
  readonly id: string
  readonly name?: string
  readonly sessionId: string
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number
  /** The number of the last cell; 0 when none ran. */
  readonly cell: number
  /** Of the worker, without the `v`. */
  readonly nodeVersion: string
  /** Of the payload's own format, which only the worker knows. */
  readonly snapshotVersion: number
  /** Uncompressed. */
  readonly payloadBytes: number
  readonly report: readonly BindingReport[]
  /** The sealed blob: all there is to keep. */
  readonly bytes: Uint8Array
}

/** What a checkpoint is sealed from. */
export interface CheckpointFacts extends Omit<Checkpoint, 'payloadBytes' | 'bytes'> {
  /** Opaque to the host. */
  readonly payload: Uint8Array
}
