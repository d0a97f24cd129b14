import { bindingReportSchema } from '@capsule/protocol'
import * as z from 'zod'
import { sessionErrors } from '../errors.ts'
import type { CheckpointLimits } from './checkpoint-limits.ts'

/*
 * A checkpoint blob, all numbers big-endian:
 *
 *    0  8 bytes  magic, 'CAPSCKPT'
 *    8  1 byte   major: a reader refuses another one
 *    9  1 byte   minor: a newer one only adds fields to the header, which older readers pass over
 *   10  4 bytes  length of the header
 *   14  header   JSON in UTF-8
 *       payload  as the header's `compression` says
 *       32 bytes SHA-256 of everything before
 */
const magic = new TextEncoder().encode('CAPSCKPT')
const majorAt = magic.length
const headerLengthAt = majorAt + 2
export const headerAt = headerLengthAt + 4
export const digestBytes = 32
const format = { major: 1, minor: 0 } as const

const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)
export const isCheckpointId = (id: unknown): id is string => idSchema.safeParse(id).success

export const checkpointShape = {
  id: idSchema,
  name: z.string().min(1).max(256).exactOptional(),
  sessionId: z.string(),
  createdAtMs: z.number().nonnegative(),
  cell: z.number().int().nonnegative(),
  nodeVersion: z.string(),
  snapshotVersion: z.number().int().nonnegative(),
  report: z.array(bindingReportSchema),
}

const headerSchema = z.object({
  ...checkpointShape,
  compression: z.enum(['zstd', 'none']),
  payloadBytes: z.number().int().nonnegative(),
})
export type CheckpointHeader = z.output<typeof headerSchema>

/** Everything before the payload. @throws CHECKPOINT_TOO_LARGE */
export function encodeHead(header: CheckpointHeader, { headerBytes }: CheckpointLimits): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header))
  checkSize('header', json.length, headerBytes)
  const head = new Uint8Array(headerAt + json.length)
  head.set(magic)
  head[majorAt] = format.major
  head[majorAt + 1] = format.minor
  viewOf(head).setUint32(headerLengthAt, json.length)
  head.set(json, headerAt)
  return head
}

/**
 * Whether a blob that starts so can be read at all.
 * @throws CHECKPOINT_MALFORMED, CHECKPOINT_VERSION_UNSUPPORTED, CHECKPOINT_CORRUPTED
 */
export function checkStart(start: Uint8Array): void {
  if (!(start instanceof Uint8Array)) throw sessionErrors.CHECKPOINT_MALFORMED({ problem: 'it is not a Uint8Array' })
  // what ends within the magic is a checkpoint cut off, as a write that was interrupted leaves it
  const isOurs = magic.every((byte, index) => index >= start.length || start[index] === byte)
  if (!isOurs) throw sessionErrors.CHECKPOINT_MALFORMED({ problem: 'it does not start as one' })
  const [major, minor = 0] = start.subarray(majorAt)
  if (major !== undefined && major !== format.major) {
    throw sessionErrors.CHECKPOINT_VERSION_UNSUPPORTED({ major, minor, supportedMajor: format.major })
  }
  if (start.length < headerAt) throw truncated()
}

/**
 * Where the payload of a blob with this start begins.
 * @throws CHECKPOINT_TOO_LARGE, CHECKPOINT_CORRUPTED when the blob is too short for it
 */
export function readPayloadAt(start: Uint8Array, blobBytes: number, { headerBytes }: CheckpointLimits): number {
  const length = viewOf(start).getUint32(headerLengthAt)
  checkSize('header', length, headerBytes)
  if (headerAt + length + digestBytes > blobBytes) throw truncated()
  return headerAt + length
}

/** @throws CHECKPOINT_MALFORMED */
export function parseHeader(json: Uint8Array): CheckpointHeader {
  const result = headerSchema.safeParse(parseJson(json))
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw sessionErrors.CHECKPOINT_MALFORMED({ problem: `header: ${problems.slice(0, quotedProblems).join('; ')}` })
}

// unit: problems; threat: a header of a million wrong entries becomes an error of megabytes
const quotedProblems = 3

/** @throws CHECKPOINT_TOO_LARGE */
export function checkSize(what: 'blob' | 'header' | 'payload', bytes: number, limitBytes: number): void {
  if (bytes > limitBytes) throw sessionErrors.CHECKPOINT_TOO_LARGE({ what, bytes, limitBytes })
}

function parseJson(json: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json))
  } catch (cause) {
    throw sessionErrors.CHECKPOINT_MALFORMED({ problem: 'its header is not JSON' }, { cause })
  }
}

const truncated = () => sessionErrors.CHECKPOINT_CORRUPTED({ problem: 'it is cut off' })
const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)
