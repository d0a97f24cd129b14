import { filesErrors } from './errors.ts'

/** Files that stay open after the call that opened them. */
export interface OpenFiles {
  /** @throws FILES_TOO_MANY_STREAMS */
  checkRoom(path: string): void
  add(file: ClosableFile): void
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
  let isClosed = false
  return {
    checkRoom(path) {
      if (isClosed) throw filesErrors.FILES_CLOSED({ path })
      if (files.size >= limit) throw filesErrors.FILES_TOO_MANY_STREAMS({ path, limit })
    },
    add: (file) => void files.add(file),
    delete: (file) => void files.delete(file),
    async close() {
      isClosed = true
      await Promise.all([...files].map((file) => file.close()))
    },
  }
}
