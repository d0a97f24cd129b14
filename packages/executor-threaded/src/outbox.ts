import { Buffer } from 'node:buffer'
import type { MessagePort } from 'node:worker_threads'
import type { OrderedMessage } from '@capsule/executor'
import {
  type CapabilityRequestMessage,
  createCodec,
  type DisplayMessage,
  type ProgressMessage,
} from '@capsule/protocol'
import type { Answer, CaptureAnswer, UserSideReport } from './inbox.ts'
import { decodeResult, encodeResult, isResult } from './result-record.ts'
import { maxMessageBytes, type RingWriter, type TextBound } from './ring.ts'

export type ShownMessage = DisplayMessage | ProgressMessage
export type OutboxMessage = OrderedMessage | ShownMessage | UserSideReport

/** A message too large for the ring, on its way through the port. */
export interface Blob {
  readonly sequence: number
  readonly message: OutboxMessage
}

const jsonCodec = createCodec('json')
// bytes and control characters keep their length in it, so that a part of a display always fits
const packCodec = createCodec('msgpack')
// 100 levels of `cause` and AggregateError nesting is more than the engine produces
const messageLimits = { frameBytes: maxMessageBytes, depth: 100 }
const lengthBytes = 4
const NativeArrayBuffer = ArrayBuffer
const { hasOwn, prototype: objectPrototype } = Object
const { prototype: arrayPrototype } = Array

/** A cell can make JSON say anything; cloning asks no prototype. */
const isJsonReplaced = (): boolean => hasOwn(objectPrototype, 'toJSON') || hasOwn(arrayPrototype, 'toJSON')

/** Puts messages on the ring, in order with the text around them. Call inside the harness. */
export function createOutbox(ring: RingWriter, port: MessagePort): (message: OutboxMessage) => void {
  let sequence = 0
  const post = (message: OutboxMessage): void => {
    port.postMessage({ sequence: ++sequence, message } satisfies Blob, buffersOf(message))
    ring.writeBlob(sequence)
  }
  return (message) => {
    // a snapshot: its bytes move to the other thread
    if (message.type === 'answered' && isCaptured(message.answer)) return post(message)
    if (message.type === 'capability-request')
      return isFitting(message.args) ? ring.writeMessage(packed(message)) : post(message)
    const result = message.type === 'result' && message.transaction === undefined ? message : undefined
    const attached = result?.value
    if ((attached?.length ?? 0) > maxMessageBytes || isJsonReplaced()) return post(message)
    const json = result === undefined ? jsonCodec.encode(message) : encodeResult(result)
    if (lengthBytes + json.length + (attached?.length ?? 0) > maxMessageBytes) return post(message)
    ring.writeMessage(frame(json, attached))
  }
}

/** What moves to the other thread instead of being copied: a large encoded value, whose memory is the message's own. */
function buffersOf(message: OutboxMessage): ArrayBuffer[] {
  if (message.type === 'answered' && isCaptured(message.answer)) {
    return [message.answer.namespace.payload.buffer as ArrayBuffer]
  }
  if (message.type !== 'result' || (message.value?.length ?? 0) <= maxMessageBytes) return []
  const { buffer } = message.value as Uint8Array
  return buffer instanceof NativeArrayBuffer ? [buffer] : []
}

/**
 * Puts displays and progress on the ring as text is: it may wait for room, so it is called outside of the harness, where a
 * cancel reaches it.
 */
export function createShownOutbox(ring: RingWriter, bound?: TextBound): (message: ShownMessage) => void {
  return (message) => {
    const body = packed(message)
    // progress is never refused: it gives way to newer progress
    ring.writeShown(body, message.type === 'display' ? bound : undefined)
  }
}

function packed(message: ShownMessage | CapabilityRequestMessage): Uint8Array {
  const encoded = packCodec.encode(message)
  const body = Buffer.allocUnsafe(lengthBytes + encoded.length)
  // no JSON: all that follows is MessagePack
  body.writeUInt32LE(0)
  body.set(encoded, lengthBytes)
  return body
}

// unit: bytes; names, ids and an idempotency key of 256 characters fit in it
const requestHeadBytes = 2048

const isFitting = (args: Uint8Array): boolean => args.length + requestHeadBytes <= maxMessageBytes

function isCaptured(answer: Answer): answer is Extract<CaptureAnswer, { kind: 'captured' }> {
  return 'kind' in answer && answer.kind === 'captured'
}

function frame(json: Uint8Array, attached: Uint8Array | undefined): Uint8Array {
  const body = Buffer.allocUnsafe(lengthBytes + json.length + (attached?.length ?? 0))
  body.writeUInt32LE(json.length)
  body.set(json, lengthBytes)
  if (attached !== undefined) body.set(attached, lengthBytes + json.length)
  return body
}

/** The inverse, on the control thread. The body is a view of the ring, so what is kept of it is copied. */
export function readOutboxMessage(body: Uint8Array): OutboxMessage {
  const view = Buffer.from(body)
  const jsonEnd = lengthBytes + view.readUInt32LE()
  // decoded bytes may be views of what they were read from
  if (jsonEnd === lengthBytes)
    return packCodec.decode(Buffer.from(view.subarray(jsonEnd)), messageLimits) as OutboxMessage
  const json = view.subarray(lengthBytes, jsonEnd)
  if (!isResult(json)) return jsonCodec.decode(json, messageLimits) as OutboxMessage
  return decodeResult(json, jsonEnd === view.length ? undefined : view.subarray(jsonEnd))
}
