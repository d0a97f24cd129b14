import { filesErrors } from './errors.ts'

/** What cells may add to one root while its provider lives. */
export interface QuotaLimits {
  /** Unit: bytes of files written and of appends; what was removed or replaced does not come back. */
  readonly maxWrittenBytes: number
  /** Unit: new files and directories; what was removed does not come back. */
  readonly maxCreatedEntries: number
}

/** Taken before the bytes are written, so that calls at the same time cannot pass it together. */
export interface Quota {
  /** @throws FILES_QUOTA_EXCEEDED */
  takeBytes(bytes: number, path: string): void
  /** For what was taken and left nothing behind. */
  giveBackBytes(bytes: number): void
  /** @throws FILES_QUOTA_EXCEEDED */
  takeEntry(path: string): void
  giveBackEntry(): void
}

export function createQuota(root: string, { maxWrittenBytes, maxCreatedEntries }: QuotaLimits): Quota {
  let bytes = 0
  let entries = 0
  const refuse = (path: string, what: string, used: number, limit: number, option: string): never => {
    throw filesErrors.FILES_QUOTA_EXCEEDED({ path, what, used, limit, option: `roots.${root}.${option}` })
  }
  return {
    takeBytes(count, path) {
      const used = bytes + count
      if (used > maxWrittenBytes) refuse(path, 'bytes written', used, maxWrittenBytes, 'maxWrittenBytes')
      bytes = used
    },
    giveBackBytes(count) {
      bytes -= count
    },
    takeEntry(path) {
      const used = entries + 1
      if (used > maxCreatedEntries) refuse(path, 'entries created', used, maxCreatedEntries, 'maxCreatedEntries')
      entries = used
    },
    giveBackEntry() {
      entries -= 1
    },
  }
}
