import { coreErrors } from '@capsule/core'
import type { AuditRecord, AuditSink } from './audit-record.ts'

export interface MemoryAuditOptions {
  /** Records that are kept; the oldest goes first. @defaultValue 1000 */
  readonly entries?: number | undefined
}

export interface MemoryAudit extends AuditSink {
  /** Oldest first. */
  readonly records: readonly AuditRecord[]
  /** Records that went to make room. */
  readonly dropped: number
}

/** Keeps the latest records. @throws INVALID_OPTIONS */
export function createMemoryAudit({ entries = 1000 }: MemoryAuditOptions = {}): MemoryAudit {
  if (!Number.isInteger(entries) || entries < 1) {
    const problems = ['entries: must be a whole number above 0']
    throw coreErrors.INVALID_OPTIONS({ where: 'createMemoryAudit()', problems })
  }
  // a ring: once it is full, the next record takes the place of the oldest
  const ring: AuditRecord[] = []
  let recorded = 0
  return {
    record(record) {
      ring[recorded++ % entries] = record
    },
    get records() {
      const oldest = recorded % entries
      return recorded <= entries ? [...ring] : [...ring.slice(oldest), ...ring.slice(0, oldest)]
    },
    get dropped() {
      return Math.max(0, recorded - entries)
    },
  }
}
