import { hash, randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { readCheckpoint } from './checkpoint-blob.ts'
import type { Checkpoint } from './checkpoint.ts'
import { checkSize, checkStart, headerAt, parseHeader, readPayloadAt } from './checkpoint-header.ts'
import type { CheckpointLimits } from './checkpoint-limits.ts'
import type { CheckpointSummary } from './checkpoint-store.ts'
import { toSummary } from './checkpoint-summary.ts'

// a link would lead out of the directory, and a pipe would never open
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Unit: bytes. The header of most checkpoints is in the first read. */
const firstReadBytes = 64 * 1024

/** The name of a valid id's file. Ids that differ in case alone are two files, also where the file system ignores case. */
export const fileNameOf = (id: string): string => `${id.toLowerCase()}-${hash('sha256', id, 'hex').slice(0, 16)}.ckpt`

export const isFileName = (name: string): boolean => /^[a-z0-9_-]{1,128}-[0-9a-f]{16}\.ckpt$/.test(name)

/** A name for the file while it is written; another one each time. */
export const temporaryNameOf = (fileName: string): string => `.${fileName}.${randomBytes(8).toString('hex')}.tmp`

export const isTemporaryName = (name: string): boolean =>
  /^\.[a-z0-9_-]{1,128}-[0-9a-f]{16}\.ckpt\.[0-9a-f]{16}\.tmp$/.test(name)

/** @throws what `readCheckpoint` throws, and errors of the file system */
export function readCheckpointFile(path: string, limits: CheckpointLimits): Promise<Checkpoint> {
  return withFile(path, async (handle, { size }) => {
    checkSize('blob', size, limits.blobBytes)
    return readCheckpoint(await readAt(handle, 0, size), { limits })
  })
}

/** Reads as far as the payload. @throws what `readCheckpoint` throws, except for damage, and errors of the file system */
export function readSummaryFile(path: string, limits: CheckpointLimits): Promise<CheckpointSummary> {
  return withFile(path, async (handle, { size }) => {
    checkSize('blob', size, limits.blobBytes)
    const start = await readAt(handle, 0, Math.min(size, firstReadBytes))
    checkStart(start)
    const payloadAt = readPayloadAt(start, size, limits)
    const isWhole = payloadAt <= start.length
    const json = isWhole ? start.subarray(headerAt, payloadAt) : await readAt(handle, headerAt, payloadAt - headerAt)
    return toSummary(parseHeader(json), size)
  })
}

async function withFile<T>(path: string, use: (handle: FileHandle, stats: Stats) => Promise<T>): Promise<T> {
  const handle = await open(path, openFlags)
  try {
    return await use(handle, await handle.stat())
  } finally {
    await handle.close()
  }
}

/** So many bytes, or fewer where the file ends before. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
