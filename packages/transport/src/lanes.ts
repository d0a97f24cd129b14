import type { Lane } from './byte-pipes.ts'

/**
 * The lane of a message, by its type. Bulk is what a peer may leave unread by the megabyte, with all that has to keep its
 * place among that: everything of a channel but the credit of output, and the answers to calls, whose bodies are channels.
 */
export function laneOf({ type, streamId }: { type?: unknown; streamId?: unknown }): Lane {
  switch (type) {
    case 'stream-open':
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
