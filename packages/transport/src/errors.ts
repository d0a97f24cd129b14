import { defineErrors } from '@capsule/core'

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
})
