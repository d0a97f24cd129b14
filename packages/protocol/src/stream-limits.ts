import type { StreamCloseMessage } from './messages/stream-close.ts'
import type { StreamCreditMessage } from './messages/stream-credit.ts'
import type { StreamDataMessage } from './messages/stream-data.ts'
import type { StreamOpenMessage } from './messages/stream-open.ts'
import type { FrameLimits } from './negotiation.ts'
import { startsWith } from './value/primordials.ts'

/** What both sides hold channels to. */
export const streamLimits = {
  // unit: channels of capability calls that one side has opened; threat: as for maxStreams
  maxCallStreams: 256,
  // unit: UTF-16 units of a name; threat: a peer that fills tables with names
  nameLength: 128,
  // unit: bytes of one piece of a byte stream, so that its whole frame has 64 KiB; threat: bulk that delays cancel and heartbeats
  pieceBytes: 64 * 1024 - 256,
  // unit: bytes of one encoded value; threat: as above, and a reader that must hold it whole
  valueBytes: 8 * 1024 * 1024,
  // unit: levels of one value
  valueDepth: 100,
  // unit: bytes that each message costs beside its data; threat: many small messages that weigh more than they cost
  messageBytes: 64,
  // unit: bytes on the way to a reader that takes its time
  windowBytes: 1024 * 1024,
  // unit: channels that one side has opened; threat: windows and names without end
  maxStreams: 64,
} as const

/** Names with it are Capsule's own, and the worker's control loop is their end. */
export const reservedStreamPrefix = 'capsule:'

// those end where cells run
const callStreamPrefix = 'capsule-call:'

/** The channel of one capability call: what the cell sends as a body, and what comes behind the reply. */
export const callStreamName = (callId: string): string => callStreamPrefix + callId

/** For error messages. */
export const reservedStreamRule = `names that start with ${reservedStreamPrefix} or ${callStreamPrefix} are reserved`

/** `control`: its other end is the worker's control loop. `call`: it belongs to a capability call. */
export type StreamClass = 'named' | 'control' | 'call'

export function streamClassOf(name: string): StreamClass {
  if (startsWith(name, reservedStreamPrefix)) return 'control'
  return startsWith(name, callStreamPrefix) ? 'call' : 'named'
}

export type StreamMessage = StreamOpenMessage | StreamDataMessage | StreamCreditMessage | StreamCloseMessage

/** What a message takes of the credit: both sides count it alike. */
export function streamCost({ data }: StreamDataMessage): number {
  return data.length + streamLimits.messageBytes
}

// unit: bytes of a frame beside the data
const envelopeBytes = 512

/** How large data may be within the frames agreed on, whatever the codec: JSON makes four bytes of three. */
export function streamSizes({ frameBytes }: Pick<FrameLimits, 'frameBytes'>): {
  pieceBytes: number
  valueBytes: number
} {
  const fitting = Math.max(1, Math.floor((Math.max(0, frameBytes - envelopeBytes) / 4) * 3))
  return {
    pieceBytes: Math.min(streamLimits.pieceBytes, fitting),
    valueBytes: Math.min(streamLimits.valueBytes, fitting),
  }
}
