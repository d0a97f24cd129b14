import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { DurablePromiseStore, DurableRecord } from '@capsule/bridge'

/** The simplest store that survives kill -9: every change is one line of a file, written before it is acknowledged. */
export function createJournalStore(path: string): DurablePromiseStore {
  const records = new Map<string, DurableRecord>()
  const waiting = new Map<string, ((record: DurableRecord) => void)[]>()
  for (const line of existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []) {
    try {
      const record = JSON.parse(line) as DurableRecord
      records.set(record.id, record)
    } catch {
      // half a line, or none
    }
  }
  // what follows half a line is a line of its own
  appendFileSync(path, '\n')
  const write = (record: DurableRecord): DurableRecord => {
    appendFileSync(path, `${JSON.stringify(record)}\n`)
    records.set(record.id, record)
    return record
  }
  const find = (id: string): DurableRecord | undefined => {
    const record = records.get(id)
    if (record?.state !== 'pending' || record.timeoutAtMs > Date.now()) return record
    return write({ ...record, state: 'timedout', settledAtMs: record.timeoutAtMs })
  }
  const close = async (): Promise<void> => {}
  return {
    capabilities: { name: 'journal', persistent: true, shared: false, enforcesTimeouts: false },
    async create({ tags = {}, ...given }) {
      const existing = find(given.id)
      if (existing !== undefined) return { record: existing, created: false }
      return { record: write({ ...given, tags, state: 'pending', createdAtMs: Date.now() }), created: true }
    },
    get: async (id) => find(id),
    async settle(settlement) {
      const found = find(settlement.id)
      if (found === undefined) throw new Error(`no ${settlement.id}`)
      if (found.state !== 'pending') return { record: found, applied: false }
      const record = write({ ...found, ...settlement, settledAtMs: Date.now() })
      for (const resolve of waiting.get(record.id) ?? []) resolve(record)
      return { record, applied: true }
    },
    async wait(id) {
      const found = find(id)
      if (found === undefined) throw new Error(`no ${id}`)
      if (found.state !== 'pending') return found
      return new Promise((resolve) => waiting.set(id, [...(waiting.get(id) ?? []), resolve]))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
