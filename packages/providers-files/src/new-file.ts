import { randomBytes } from 'node:crypto'
import { constants, fchmodSync, linkSync, openSync } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { filesErrors } from './errors.ts'
import { closeFile, syncFile, writeFully } from './file-io.ts'
import { temporaryNameOf } from './file-path.ts'
import { attempt, attemptAsync, codeOf } from './io-error.ts'
import type { Directory } from './root/root.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants

export interface NewFileOptions {
  /** Stays open until the file is published or discarded. */
  readonly directory: Directory
  readonly name: string
  readonly mode: number
  /** The mode is that of a file to be replaced: the umask has no part in it. */
  readonly isModeExact: boolean
  readonly fsync: boolean
}

/** A file that has its name only once it is whole; until then it has a temporary one beside it. */
export class NewFile {
  readonly #options: NewFileOptions
  readonly #path: string
  readonly #temporary: string
  readonly #fd: number
  #state: 'open' | 'closed' | 'published' | 'discarded' = 'open'

  constructor(options: NewFileOptions) {
    const { directory, name, mode, isModeExact } = options
    this.#options = options
    this.#path = directory.pathOf(name)
    directory.confirm()
    this.#temporary = directory.hostPathOf(temporaryNameOf(randomBytes(8).toString('hex')))
    this.#fd = attempt(this.#path, 'creating', () =>
      openSync(this.#temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode),
    )
    if (isModeExact) widenTo(this.#fd, mode)
  }

  get isPublished(): boolean {
    return this.#state === 'published'
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return attemptAsync(this.#path, 'writing', () => writeFully(this.#fd, bytes, signal))
  }

  /** @throws FILES_EXISTS where `ifExists` is 'fail' and something has the name by now; FILES_CHANGED */
  publish(ifExists: 'replace' | 'fail'): Promise<void> {
    const { directory, name, fsync } = this.#options
    return attemptAsync(this.#path, 'writing', async () => {
      if (fsync) await syncFile(this.#fd)
      await this.#close()
      directory.confirm()
      try {
        await this.#giveName(directory.hostPathOf(name), ifExists)
      } catch (error) {
        // only the directory can be missing here, and it was there a moment ago
        throw codeOf(error) === 'ENOENT' ? filesErrors.FILES_CHANGED({ path: this.#path }) : error
      }
      if (fsync) await syncDirectory(directory.hostPath)
    })
  }

  /** Leaves nothing behind, unless it was published. Never throws: what went wrong before is what is told. */
  async discard(): Promise<void> {
    await this.#close().catch(() => {})
    if (this.#state !== 'closed') return
    this.#state = 'discarded'
    await unlink(this.#temporary).catch(() => {})
  }

  async #giveName(target: string, ifExists: 'replace' | 'fail'): Promise<void> {
    if (ifExists === 'replace') {
      await rename(this.#temporary, target)
      this.#state = 'published'
      return
    }
    // a link is refused where a rename would replace, so that two writers cannot both be first
    linkSync(this.#temporary, target)
    this.#state = 'published'
    await unlink(this.#temporary).catch(() => {})
  }

  async #close(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closed'
    await closeFile(this.#fd)
  }
}

/** Undoes what the umask took away; where that is not possible the file stays narrower, which is the safe side. */
function widenTo(fd: number, mode: number): void {
  try {
    fchmodSync(fd, mode)
  } catch {
    // a file system without permissions
  }
}

/** Makes a new name survive a loss of power. */
async function syncDirectory(hostPath: string): Promise<void> {
  // Windows opens no directories; there the file system keeps its names by itself
  if (process.platform === 'win32') return
  const handle = await open(hostPath, O_RDONLY | O_DIRECTORY)
  try {
    await handle.sync()
  } catch (error) {
    // some network and shared file systems cannot sync a directory: they have no better promise to give
    if (!['EINVAL', 'ENOTSUP'].includes(codeOf(error) ?? '')) throw error
  } finally {
    await handle.close()
  }
}
