import type { AbortOptions } from '@capsule/core'
import type { Checkpoint } from './checkpoint.ts'

/** What a list tells of a checkpoint. */
export interface CheckpointSummary extends Omit<Checkpoint, 'bytes' | 'report'> {
  /** Of the sealed blob. */
  readonly sizeBytes: number
}

/**
 * Where checkpoints are kept. Every method rejects with CANCELLED when its signal has fired before it started; a save
 * that was stopped later is there whole or not at all.
 */
export interface CheckpointStore {
  /**
   * Keeps a checkpoint; one of the same id is replaced. Once this resolves, `load` finds it.
   * @throws CHECKPOINT_MALFORMED when `bytes` are not those of this checkpoint
   */
  save(checkpoint: Checkpoint, options?: AbortOptions): Promise<void>
  /** `undefined` for an id that nothing is kept under. @throws CHECKPOINT_CORRUPTED and what else `readCheckpoint` throws */
  load(id: string, options?: AbortOptions): Promise<Checkpoint | undefined>
  /**
   * Newest first, by `createdAtMs`; then by `cell` and `id`. An entry that cannot be read may be left out; it never
   * stands in the way of the others.
   */
  list(options?: AbortOptions): Promise<readonly CheckpointSummary[]>
  /** Whether something was kept under this id. */
  delete(id: string, options?: AbortOptions): Promise<boolean>
}
