import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { type AbortOptions, throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { sessionErrors } from '../errors.ts'
import { checked } from '../checked.ts'
import type { Checkpoint, CheckpointFacts } from './checkpoint.ts'
import {
  type CheckpointHeader,
  checkpointShape,
  checkSize,
  checkStart,
  digestBytes,
  encodeHead,
  headerAt,
  parseHeader,
  readPayloadAt,
} from './checkpoint-header.ts'
import {
  type CheckpointLimits,
  compressionChunkBytes,
  decompressionWindowLog,
  limitsSchema,
} from './checkpoint-limits.ts'

export interface ReadCheckpointOptions {
  /** @defaultValue 256 MiB of blob, 512 MiB of payload, 64 MiB of header */
  readonly limits?: Partial<CheckpointLimits>
}

export interface SealCheckpointOptions extends ReadCheckpointOptions, AbortOptions {}

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
// of all levels the fastest that still finds what JSON repeats
const compressOptions = { chunkSize: compressionChunkBytes, params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const decompressOptions = {
  chunkSize: compressionChunkBytes,
  params: { [constants.ZSTD_d_windowLogMax]: decompressionWindowLog },
}

const readOptionsSchema = z.strictObject({ limits: limitsSchema })
const sealOptionsSchema = readOptionsSchema.extend({ signal: z.instanceof(AbortSignal).optional() })
const factsSchema = z.strictObject({ ...checkpointShape, payload: z.instanceof(Uint8Array) })

/**
 * Seals what a worker handed out to one blob. The payload must not change until this settles.
 * @throws INVALID_OPTIONS, CHECKPOINT_TOO_LARGE, CANCELLED
 */
export async function sealCheckpoint(facts: CheckpointFacts, options: SealCheckpointOptions = {}): Promise<Checkpoint> {
  const { limits, signal } = checked('sealCheckpoint()', sealOptionsSchema.safeParse(options))
  const { payload, ...told } = checked('sealCheckpoint()', factsSchema.safeParse(facts))
  throwIfAborted(signal, 'sealCheckpoint()')
  checkSize('payload', payload.length, limits.payloadBytes)
  const compressed = await compress(payload, compressOptions)
  throwIfAborted(signal, 'sealCheckpoint()')
  const isSmaller = compressed.length < payload.length
  const stored = isSmaller ? compressed : payload
  const header = { ...told, compression: isSmaller ? 'zstd' : 'none', payloadBytes: payload.length } as const
  const head = encodeHead(header, limits)
  const sealedBytes = head.length + stored.length
  checkSize('blob', sealedBytes + digestBytes, limits.blobBytes)
  const bytes = new Uint8Array(sealedBytes + digestBytes)
  bytes.set(head)
  bytes.set(stored, head.length)
  bytes.set(digestOf(bytes.subarray(0, sealedBytes)), sealedBytes)
  return toCheckpoint(header, bytes)
}

/**
 * What a blob says of itself, once it is known to be whole; nothing is decompressed. That it is whole does not say who
 * made it.
 * @throws CHECKPOINT_MALFORMED, CHECKPOINT_CORRUPTED, CHECKPOINT_VERSION_UNSUPPORTED, CHECKPOINT_TOO_LARGE
 */
export function readCheckpoint(bytes: Uint8Array, options: ReadCheckpointOptions = {}): Checkpoint {
  const { limits } = checked('readCheckpoint()', readOptionsSchema.safeParse(options))
  return toCheckpoint(readBlob(bytes, limits).header, bytes)
}

/**
 * Reads a blob with its payload, which may share the memory of `bytes`.
 * @throws CHECKPOINT_MALFORMED, CHECKPOINT_CORRUPTED, CHECKPOINT_VERSION_UNSUPPORTED, CHECKPOINT_TOO_LARGE
 */
export async function openCheckpoint(
  bytes: Uint8Array,
  options: ReadCheckpointOptions = {},
): Promise<{ checkpoint: Checkpoint; payload: Uint8Array }> {
  const { limits } = checked('openCheckpoint()', readOptionsSchema.safeParse(options))
  const { header, stored } = readBlob(bytes, limits)
  checkSize('payload', header.payloadBytes, limits.payloadBytes)
  const payload = header.compression === 'none' ? stored : await expand(stored, header.payloadBytes)
  if (payload.length !== header.payloadBytes) throw wrongPayloadSize()
  return { checkpoint: toCheckpoint(header, bytes), payload }
}

/** The damage is looked for before anything that the blob announces is believed. */
function readBlob(bytes: Uint8Array, limits: CheckpointLimits): { header: CheckpointHeader; stored: Uint8Array } {
  checkStart(bytes)
  checkSize('blob', bytes.length, limits.blobBytes)
  const sealedBytes = Math.max(0, bytes.length - digestBytes)
  if (digestOf(bytes.subarray(0, sealedBytes)).compare(bytes, sealedBytes) !== 0) {
    throw sessionErrors.CHECKPOINT_CORRUPTED({ problem: 'its SHA-256 is not that of its bytes' })
  }
  const payloadAt = readPayloadAt(bytes, bytes.length, limits)
  return { header: parseHeader(bytes.subarray(headerAt, payloadAt)), stored: bytes.subarray(payloadAt, sealedBytes) }
}

async function expand(stored: Uint8Array, payloadBytes: number): Promise<Uint8Array> {
  try {
    // grows with what comes out and ends at what was announced; zlib refuses a limit of 0
    return await decompress(stored, { ...decompressOptions, maxOutputLength: Math.max(1, payloadBytes) })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw wrongPayloadSize(cause)
    throw sessionErrors.CHECKPOINT_MALFORMED({ problem: 'its payload does not decompress' }, { cause })
  }
}

function toCheckpoint(header: CheckpointHeader, bytes: Uint8Array): Checkpoint {
  const { compression: _, ...told } = header
  return { ...told, bytes }
}

const digestOf = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')
const wrongPayloadSize = (cause?: unknown) =>
  sessionErrors.CHECKPOINT_MALFORMED({ problem: 'its payload is not of the size that it announces' }, { cause })
