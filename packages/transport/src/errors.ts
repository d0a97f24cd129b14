import { defineErrors } from '@capsule/core'
import type { WireError } from '@capsule/protocol'

export const transportErrors = defineErrors({
  FRAME_TOO_LARGE: {
    message: ({ bytes, limitBytes }: { bytes: number; limitBytes: number }) =>
      `a frame of ${bytes} bytes is over the limit of ${limitBytes}`,
    cause: 'A message was larger than the agreed frame limit, or the peer sent bytes that are not frames.',
    next: 'Send less at once, or raise the frame limit on both sides. For a worker that sent garbage: restart it.',
  },
  FRAME_EMPTY: {
    message: (_details: Record<string, never> = {}) => 'a frame has no payload',
    cause: 'A frame of length zero was sent or received; every message has at least one byte.',
    next: 'Restart the worker: what it sends is not the protocol.',
  },
  FRAME_TRUNCATED: {
    message: ({ receivedBytes, expectedBytes }: { receivedBytes: number; expectedBytes: number }) =>
      `the connection ended after ${receivedBytes} of ${expectedBytes} bytes of a frame`,
    cause: 'The peer ended, or was killed, while it was writing a message.',
    next: "Look at the peer's exit code, signal and stderr.",
  },
  TRANSPORT_ALREADY_READ: {
    message: ({ kind }: { kind: string }) => `this ${kind} transport already has its reader`,
    cause: '`start` was called twice. A transport has exactly one reader.',
    next: 'Start it once and hand on from there.',
  },
  TRANSPORT_FAILED: {
    message: ({ kind, doing, reason }: { kind: string; doing: string; reason: string }) =>
      `the ${kind} transport failed while ${doing}: ${reason}`,
    cause: 'The operating system reported an error on the connection, or the reader of the transport threw.',
    next: 'See `error.cause`. A failed transport stays failed: start a new worker.',
  },
  WORKER_SPAWN_FAILED: {
    message: ({ command, reason }: { command: string; reason: string }) => `cannot start ${command}: ${reason}`,
    cause:
      'The program or its working directory does not exist, may not be executed, or the system is out of resources.',
    next: 'Check the path, the permissions, `cwd`, and the limits on processes and open files.',
  },
  STREAM_FAILED: {
    message: ({ name, error }: { name: string; error: WireError }) =>
      `the peer failed the stream '${name}': ${error.message}`,
    cause: 'The other side ended its writing with `fail(error)`; all that it wrote before was delivered.',
    next: 'Look at `error.details.error`, and at who calls `fail` on the other side.',
  },
  STREAM_CANCELLED: {
    message: ({ name, reason }: { name: string; reason: string | undefined }) =>
      `the peer reads no more of the stream '${name}'${reason === undefined ? '' : `: ${reason}`}`,
    cause: 'The other side called `cancel()`, or left its loop over the stream early.',
    next: 'Stop writing; what was written and not sent is dropped.',
  },
  STREAM_DISCONNECTED: {
    message: (_details: Record<string, never> = {}) => 'the other side of the streams is gone',
    cause: 'The connection between host and worker has ended, and with it every stream.',
    next: 'Nothing in the worker, which ends too.',
  },
  STREAM_ENDED: {
    message: ({ name }: { name: string }) => `the stream '${name}' was ended and takes no more`,
    cause: 'A chunk was written after `end()` or `fail()`.',
    next: 'Write before you end; for more data take a stream of another name, or of this one once it is closed.',
  },
  STREAM_LIMIT: {
    message: ({ name, maxStreams }: { name: string; maxStreams: number }) =>
      `the stream '${name}' cannot be opened: ${maxStreams} are open already`,
    cause: 'This side has opened as many streams as it may; a stream is open until both sides have ended it.',
    next: 'End and cancel streams that are done with, or raise `maxStreams` of the session.',
  },
  STREAM_VALUE_NOT_SENDABLE: {
    message: ({ name, limitBytes }: { name: string; limitBytes: number }) =>
      `a value for the stream '${name}' does not survive whole within ${limitBytes} bytes`,
    cause: 'The value is too large or too deep, or holds something like a function that cannot be sent.',
    next: 'Send smaller plain values, or bytes, which are cut into pieces.',
  },
  STREAMS_UNAVAILABLE: {
    message: ({ name }: { name: string }) => `the stream '${name}' cannot be opened: the peer knows no streams`,
    cause: 'The other side is from a release without streams.',
    next: 'Install the same version of Capsule on both sides.',
  },
})
