import { writeSync } from 'node:fs'
import { type Clock, systemClock } from '@capsule/core'
import { encodeFence } from '@capsule/protocol'

/**
 * Writes a fence on fd 1 and 2. What native code and child processes printed before stands before it there, so the host
 * knows what belongs to which execution. The host always reads both pipes, so this does not block for long.
 */
export function writeFence(key: string, fence: number): void {
  const bytes = encodeFence(key, fence)
  for (const fd of [1, 2]) writeAll(fd, bytes, systemClock)
}

/** A cell may have made the pipe non-blocking: then the rest follows as soon as there is room. */
function writeAll(fd: number, bytes: Uint8Array, clock: Clock): void {
  try {
    const written = writeSync(fd, bytes)
    if (written < bytes.length) writeAll(fd, bytes.subarray(written), clock)
  } catch (error) {
    // closed by the cell: the host sees its end instead of the fence
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') clock.setTimer(1, () => writeAll(fd, bytes, clock))
  }
}
