import * as z from 'zod'

/** What a checkpoint may weigh; the same when it is sealed and when it is read. */
export interface CheckpointLimits {
  /** Unit: bytes of the whole blob. Threat: a file from anywhere that fills the memory of who reads it. */
  readonly blobBytes: number
  /** Unit: bytes of the payload as it is used. Threat: a decompression bomb, 6 KB that become 200 MB. */
  readonly payloadBytes: number
  /** Unit: bytes of the header's JSON. Threat: a list of many checkpoints reads the header of each. */
  readonly headerBytes: number
}

const defaultCheckpointLimits: CheckpointLimits = {
  blobBytes: 256 * 1024 * 1024,
  payloadBytes: 512 * 1024 * 1024,
  headerBytes: 64 * 1024 * 1024,
}

const limitSchema = z.number().int().positive()

/** What a user gives of them; the rest is filled in. */
export const limitsSchema = z
  .strictObject({
    blobBytes: limitSchema.default(defaultCheckpointLimits.blobBytes),
    payloadBytes: limitSchema.default(defaultCheckpointLimits.payloadBytes),
    headerBytes: limitSchema.default(defaultCheckpointLimits.headerBytes),
  })
  .prefault({})

/** Base-2 logarithm of bytes. Threat: a compressed payload that names a window of 128 MiB, which is allocated at once. */
export const decompressionWindowLog = 23

/** Unit: bytes handed to and from the compressor at a time; Node's 16 KiB make 10 MB three times slower. */
export const compressionChunkBytes = 256 * 1024
