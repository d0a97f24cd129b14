import * as z from 'zod'
import { type CheckpointLimits, limitsSchema } from './checkpoint-limits.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import { createMemoryCheckpointStore } from './memory-checkpoint-store.ts'

/** When a session takes checkpoints by itself, where they are kept, and what they are for. */
export interface CheckpointPolicy {
  /** @defaultValue in memory, the newest 16 */
  readonly store?: CheckpointStore
  /** After so many executions that kept the namespace. @defaultValue none */
  readonly every?: number
  /** Asked before each cell: whether a checkpoint is taken before it runs. @defaultValue no */
  readonly before?: (code: string) => boolean
  /** A worker that replaces one that died or was killed starts from the last checkpoint. @defaultValue false */
  readonly recover?: boolean
  /** Of one transfer from or to the worker. @defaultValue 60_000 */
  readonly timeoutMs?: number
  /** @defaultValue 256 MiB of blob, 512 MiB of payload, 64 MiB of header */
  readonly limits?: Partial<CheckpointLimits>
}

const keptInMemory = 16

export const checkpointPolicySchema = z
  .strictObject({
    store: z
      .custom<CheckpointStore>((value) => typeof value === 'object' && value !== null, 'must be a CheckpointStore')
      .default(() => createMemoryCheckpointStore({ retention: { maxCheckpoints: keptInMemory } })),
    every: z.number().int().positive().optional(),
    before: z
      .custom<(code: string) => boolean>((value) => typeof value === 'function', 'must be a function')
      .optional(),
    recover: z.boolean().default(false),
    timeoutMs: z.union([z.number().positive(), z.literal(Infinity)]).default(60_000),
    limits: limitsSchema,
  })
  .prefault({})
export type ResolvedCheckpointPolicy = z.output<typeof checkpointPolicySchema>
