import { filesErrors } from './errors.ts'

/** Files that stay open after the call that opened them. */
export interface OpenFiles {
  /**
   * A place for one file, until it is given back. While all are taken, those are waited for that are being closed: a read that is
   * under way holds up the end of its file.
   * @throws FILES_TOO_MANY_STREAMS, FILES_CLOSED
   */
  takePlace(path: string): Promise<() => void>
  /** In the place that was taken for it, or closed at once. */
  add(file: ClosableFile): void
  /** Nobody reads it any more. */
  closing(file: ClosableFile, closed: Promise<unknown>): void
  delete(file: ClosableFile): void
  /** Closes what is open, and each that comes later. */
  close(): Promise<void>
}

export interface ClosableFile {
  readonly path: string
  close(): Promise<void>
}

export function createOpenFiles(limit: number): OpenFiles {
  const files = new Set<ClosableFile>()
  const closing = new Map<ClosableFile, Promise<void>>()
  let taken = 0
  let isClosed = false
  return {
    async takePlace(path) {
      for (;;) {
        if (isClosed) throw filesErrors.FILES_CLOSED({ path })
        if (files.size + taken < limit) break
        if (closing.size === 0) throw filesErrors.FILES_TOO_MANY_STREAMS({ path, limit })
        await Promise.race(closing.values())
      }
      taken++
      return () => void taken--
    },
    add(file) {
      files.add(file)
      if (isClosed) file.close().catch(() => {})
    },
    closing(file, closed) {
      const ignore = (): void => {}
      if (files.has(file)) closing.set(file, closed.then(ignore, ignore))
    },
    delete(file) {
      files.delete(file)
      closing.delete(file)
    },
    async close() {
      isClosed = true
      await Promise.all([...files].map((file) => file.close()))
    },
  }
}
