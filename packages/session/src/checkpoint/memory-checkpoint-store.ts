import { checked } from '../checked.ts'
import { readCheckpoint } from './checkpoint-blob.ts'
import { findExpired } from './checkpoint-retention.ts'
import type { CheckpointStore, CheckpointSummary } from './checkpoint-store.ts'
import { compareNewestFirst, summarizeForSave } from './checkpoint-summary.ts'
import { memoryStoreOptionsSchema, type MemoryCheckpointStoreOptions, signalOf } from './store-options.ts'

/** Keeps checkpoints as long as this process lives. @throws INVALID_OPTIONS */
export function createMemoryCheckpointStore(options: MemoryCheckpointStoreOptions = {}): CheckpointStore {
  const parsed = checked('createMemoryCheckpointStore()', memoryStoreOptionsSchema.safeParse(options))
  const { retention, clock, limits } = parsed
  const entries = new Map<string, { readonly summary: CheckpointSummary; readonly bytes: Uint8Array }>()
  const newestFirst = (): CheckpointSummary[] =>
    [...entries.values()].map(({ summary }) => ({ ...summary })).toSorted(compareNewestFirst)

  return {
    async save(checkpoint, options) {
      signalOf('save()', options)
      const summary = summarizeForSave(checkpoint, limits)
      // a copy, here and in load: what is kept changes with nobody's bytes
      entries.set(summary.id, { summary, bytes: new Uint8Array(checkpoint.bytes) })
      if (retention === undefined) return
      const moment = { savedId: summary.id, nowMs: clock.wallTimeMs() }
      for (const { id } of findExpired(newestFirst(), retention, moment)) entries.delete(id)
    },
    async load(id, options) {
      signalOf('load()', options)
      const entry = entries.get(id)
      return entry && readCheckpoint(new Uint8Array(entry.bytes), { limits })
    },
    async list(options) {
      signalOf('list()', options)
      return newestFirst()
    },
    async delete(id, options) {
      signalOf('delete()', options)
      return entries.delete(id)
    },
  }
}
