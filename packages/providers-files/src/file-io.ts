import { close, fsync, read, write } from 'node:fs'
import { promisify } from 'node:util'
import { throwIfAborted } from '@capsule/core'

// data goes through the thread pool, so that a slow disk holds up no one else in the host
const readOnce = promisify(read)
const writeOnce = promisify(write)
export const closeFile: (fd: number) => Promise<void> = promisify(close)
export const syncFile: (fd: number) => Promise<void> = promisify(fsync)

/** Unit: bytes of one system call; a cancel is seen between two. */
const pieceBytes = 512 * 1024

export interface ReadOptions {
  /** In the file. */
  readonly position: number
  /** Of the file when it was opened: a short read beyond it is the end, which need not be asked for again. */
  readonly size: number
  readonly signal: AbortSignal
}

/** Fills `bytes`. @returns how many there were until the end of the file */
export async function readFully(
  fd: number,
  bytes: Uint8Array,
  { position, size, signal }: ReadOptions,
): Promise<number> {
  let filled = 0
  while (filled < bytes.length) {
    throwIfAborted(signal, 'the read')
    const length = Math.min(pieceBytes, bytes.length - filled)
    const { bytesRead } = await readOnce(fd, bytes, filled, length, position + filled)
    filled += bytesRead
    // files of /proc have no size, and give less than was asked for where more is to come
    const isEnd = bytesRead === 0 || (bytesRead < length && size > 0 && position + filled >= size)
    if (isEnd) break
  }
  return filled
}

/** At the position of the descriptor. */
export async function writeFully(fd: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    throwIfAborted(signal, 'the write')
    const length = Math.min(pieceBytes, bytes.length - written)
    const { bytesWritten } = await writeOnce(fd, bytes, written, length)
    written += bytesWritten
  }
}
