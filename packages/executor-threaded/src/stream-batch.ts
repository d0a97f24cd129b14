import type { MessagePort } from 'node:worker_threads'
import type { StreamMessage } from '@capsule/protocol'

/** Messages of channels on their way to the other thread, many at a time: each post wakes it. */
export interface StreamBatch {
  /** Adds one whose data, if it has any, is in memory of its own. Always welcome: the windows bound it. */
  readonly add: (message: StreamMessage) => true
  /** Posts what was added; the memory of data moves. */
  post(): void
}

export function createStreamBatch(port: MessagePort): StreamBatch {
  let messages: StreamMessage[] = []
  let moved: ArrayBuffer[] = []
  return {
    add(message) {
      messages[messages.length] = message
      if (message.type === 'stream-data') moved[moved.length] = message.data.buffer as ArrayBuffer
      return true
    },
    post() {
      if (messages.length === 0) return
      const batch = messages
      const memory = moved
      messages = []
      moved = []
      port.postMessage(batch, memory)
    },
  }
}
