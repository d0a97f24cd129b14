import { Buffer } from 'node:buffer'
import type { SnapshotFacts } from './namespace-snapshot.ts'
import { reservedStreamPrefix } from './stream-limits.ts'

// without zod: workers use it too
/** The channel on which the snapshot of a `checkpoint` or `restore` message travels. */
export function snapshotStreamName(requestId: string): string {
  return `${reservedStreamPrefix}snapshot/${requestId}`
}

/** Length of the facts, in front of them. */
export const headLengthBytes = 4

/** What goes in front of a payload: the length of the facts, and the facts. */
export function encodeSnapshotFacts(facts: SnapshotFacts): Uint8Array {
  const json = Buffer.from(JSON.stringify(facts))
  const head = Buffer.alloc(headLengthBytes + json.length)
  head.writeUInt32BE(json.length)
  head.set(json, headLengthBytes)
  return head
}
