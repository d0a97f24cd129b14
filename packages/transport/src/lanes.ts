import { streamClassOf } from '@capsule/protocol'
import type { Lane } from './byte-pipes.ts'

interface Sent {
  readonly type?: unknown
  readonly streamId?: unknown
  readonly name?: unknown
}

/**
 * The lane of a message. Bulk is what a peer may leave unread by the megabyte, with all that has to keep its place among
 * that: everything of a channel but the credit of output, and the answers to calls, whose bodies are channels.
 */
export function laneOf({ type, streamId, name }: Sent): Lane {
  switch (type) {
    case 'stream-open':
      // a caller's name may be used again, behind the close of the one before; Capsule's own names are used once, and the
      // request that they belong to is control
      return typeof name === 'string' && streamClassOf(name) !== 'named' ? 'control' : 'bulk'
    case 'stream-data':
    case 'stream-close':
    case 'capability-response':
      return 'bulk'
    case 'stream-credit':
      return streamId === 'output' ? 'control' : 'bulk'
    default:
      return 'control'
  }
}
