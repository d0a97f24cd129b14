import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { StreamMessage } from '@capsule/protocol'
import type { StreamHubOptions } from '@capsule/transport'
import { createStreamBatch } from './stream-batch.ts'

/**
 * The way of what is said of cells' channels between the user side and the host. It holds what the transport does not
 * welcome now; the windows of the channels bound that.
 */
export interface StreamRelay {
  /** Puts a message of the host where the user side fetches it. */
  add(message: StreamMessage): void
  /** The transport takes messages again. */
  resume(): void
  /** Takes in what has arrived, now. */
  takeIn(): void
  close(): void
}

export interface StreamRelayOptions {
  readonly port: MessagePort
  readonly send: StreamHubOptions['send']
  /** Tells the user side that one batch waits in the port. */
  readonly posted: () => void
}

export function createStreamRelay({ port, send, posted }: StreamRelayOptions): StreamRelay {
  const batch = createStreamBatch(port)
  let held: StreamMessage[] = []
  let isWelcome = true
  let flush: NodeJS.Immediate | undefined
  const relay = (message: StreamMessage): void => {
    if (isWelcome) isWelcome = send(message)
    else held.push(message)
  }
  const relayAll = (messages: readonly StreamMessage[]): void => {
    for (const message of messages) relay(message)
  }
  port.on('message', relayAll)
  return {
    add(message) {
      batch.add(message.type === 'stream-data' ? { ...message, data: ownMemory(message.data) } : message)
      // behind all that the transport reads in this turn
      flush ??= setImmediate(() => {
        flush = undefined
        batch.post()
        posted()
      })
    },
    resume() {
      const messages = held
      held = []
      isWelcome = true
      relayAll(messages)
    },
    takeIn() {
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        relayAll(next.message as StreamMessage[])
      }
    },
    close() {
      clearImmediate(flush)
      port.off('message', relayAll)
    },
  }
}

// unit: bytes; what a frame has in front of its data is less, and no other frame with data fits in
const envelopeBytes = 100

/** The same bytes, in memory that nothing else is in: a frame's own, or a copy. */
function ownMemory(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data
  const isOwn =
    buffer instanceof ArrayBuffer && byteOffset < envelopeBytes && byteOffset + byteLength === buffer.byteLength
  return isOwn ? (data as Uint8Array<ArrayBuffer>) : new Uint8Array(data)
}
