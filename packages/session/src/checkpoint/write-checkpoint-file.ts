import { constants } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfAborted } from '@capsule/core'

/** Makes a directory that only this user may enter, with what is missing above it; one that exists stays as it is. */
export async function makePrivateDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    // one may enter directories that one may not read, such as those of others above
    await syncDirectory(dirname(made)).catch(() => {})
  }
}

/**
 * Writes a new file that is on the disk when this resolves, and gone when it rejects.
 * @returns its time of modification, as the file system tells time
 */
export async function writeDurably(path: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
  try {
    const handle = await open(path, 'wx', 0o600)
    try {
      await handle.writeFile(bytes, { signal })
      await handle.sync()
      return (await handle.stat()).mtimeMs
    } finally {
      await handle.close()
    }
  } catch (error) {
    // what went wrong first is what is told
    await rm(path, { force: true }).catch(() => {})
    throwIfAborted(signal, 'save()')
    throw error
  }
}

/** Makes names that were added to or taken from a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; there the file system keeps its names by itself
  if (process.platform === 'win32') return
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } catch (error) {
    // some network and shared file systems cannot sync a directory: they have no better promise to give
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    await handle.close()
  }
}
