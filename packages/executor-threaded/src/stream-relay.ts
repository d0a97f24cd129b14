import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { StreamMessage } from '@capsule/protocol'
import type { StreamHubOptions } from '@capsule/transport'

/**
 * The way of what cells send into channels, from the user side to the host. It holds what the transport does not welcome
 * now; the windows of the channels bound that.
 */
export interface StreamRelay {
  /** The transport takes messages again. */
  resume(): void
  /** Takes in what has arrived, now. */
  takeIn(): void
  close(): void
}

export function createStreamRelay(port: MessagePort, send: StreamHubOptions['send']): StreamRelay {
  let held: StreamMessage[] = []
  let isWelcome = true
  const relay = (message: StreamMessage): void => {
    if (isWelcome) isWelcome = send(message)
    else held.push(message)
  }
  port.on('message', relay)
  return {
    resume() {
      const messages = held
      held = []
      isWelcome = true
      for (const message of messages) relay(message)
    },
    takeIn() {
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        relay(next.message as StreamMessage)
      }
    },
    close: () => void port.off('message', relay),
  }
}

// unit: bytes; cloning bytes clones all of the memory that they are a part of
const sparedBytes = 4096

/** The same message, in memory that has little else in it. */
export function ownMemory(message: StreamMessage): StreamMessage {
  if (message.type !== 'stream-data') return message
  const { data } = message
  if (data.buffer.byteLength <= data.length + sparedBytes) return message
  return { ...message, data: new Uint8Array(data) }
}
