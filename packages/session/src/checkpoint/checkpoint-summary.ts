import { sessionErrors } from '../errors.ts'
import type { Checkpoint } from './checkpoint.ts'
import {
  type CheckpointHeader,
  checkSize,
  checkStart,
  headerAt,
  parseHeader,
  readPayloadAt,
} from './checkpoint-header.ts'
import type { CheckpointLimits } from './checkpoint-limits.ts'
import type { CheckpointSummary } from './checkpoint-store.ts'

export function toSummary(header: CheckpointHeader, sizeBytes: number): CheckpointSummary {
  const { report: _report, compression: _compression, ...told } = header
  return { ...told, sizeBytes }
}

/** The order of every list. */
export function compareNewestFirst(a: CheckpointSummary, b: CheckpointSummary): number {
  return b.createdAtMs - a.createdAtMs || b.cell - a.cell || (a.id < b.id ? 1 : -1)
}

/**
 * What a list will say of this checkpoint, from its bytes: they are what is kept, and its other fields may be made up.
 * Damage further back is found by `load`.
 * @throws CHECKPOINT_MALFORMED, CHECKPOINT_CORRUPTED, CHECKPOINT_VERSION_UNSUPPORTED, CHECKPOINT_TOO_LARGE
 */
export function summarizeForSave({ id, bytes }: Checkpoint, limits: CheckpointLimits): CheckpointSummary {
  checkStart(bytes)
  checkSize('blob', bytes.length, limits.blobBytes)
  const header = parseHeader(bytes.subarray(headerAt, readPayloadAt(bytes, bytes.length, limits)))
  if (header.id === id) return toSummary(header, bytes.length)
  throw sessionErrors.CHECKPOINT_MALFORMED({ problem: `its bytes are those of '${header.id}', and not of '${id}'` })
}
