import { defineErrors } from '@capsule/core'
import type { ProtocolVersion } from './negotiation.ts'

const versionText = ({ major, minor }: ProtocolVersion): string => `${major}.${minor}`

export const protocolErrors = defineErrors({
  FRAME_TOO_DEEP: {
    message: ({ depth }: { depth: number }) => `a message nests arrays and maps more than ${depth} levels deep`,
    cause: 'A message is nested deeper than the agreed limit, or contains itself.',
    next: 'Send flatter data; values of cells travel as bytes and do not count.',
  },
  FRAME_MALFORMED: {
    message: ({ codec, problem }: { codec: string; problem: string }) => `a frame is not valid ${codec}: ${problem}`,
    cause:
      'The peer sent bytes that its codec cannot have written: a broken or hostile peer, or something else on the pipe.',
    next: 'End the session; if the peer is yours, check that nothing else writes to its control descriptors.',
  },
  MESSAGE_NOT_ENCODABLE: {
    message: ({ key, problem }: { key: string; problem: string }) => `${key} cannot be sent: ${problem}`,
    cause:
      'A message held something other than strings, finite numbers, booleans, null, bytes, arrays and plain objects.',
    next: 'Encode the value with encodeValue first, or leave it out.',
  },
  INVALID_MESSAGE: {
    message: ({ type, path, problem }: { type: string; path: string; problem: string }) =>
      `a message of type ${type} is invalid at ${path}: ${problem}`,
    cause: 'A message does not have the fields that its type needs.',
    next: 'Check that host and worker come from the same release; otherwise treat the peer as hostile.',
  },
  PROTOCOL_MISMATCH: {
    message: ({ own, peer, problem }: { own: ProtocolVersion; peer: ProtocolVersion; problem: string }) =>
      `this side speaks protocol ${versionText(own)}, the peer ${versionText(peer)}: ${problem}`,
    cause: 'Host and worker come from releases that do not understand each other.',
    next: 'Install the same version of Capsule on both sides.',
  },
  VALUE_MALFORMED: {
    message: ({ problem }: { problem: string }) => `the bytes of a value are not valid: ${problem}`,
    cause: 'A completion value holds bytes that encodeValue cannot have written: a broken or hostile worker.',
    next: 'Use the text of the outcome instead, and do not trust the session.',
  },
})
