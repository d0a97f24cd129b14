import { isCapsuleError } from '@capsule/core'
import { reasonOf } from './connector.ts'
import { httpErrors } from './errors.ts'

/** What a failure of undici or of a socket means for the caller. Addresses and headers stay out of it. */
export function transportError(
  error: unknown,
  { host, maxHeaderBytes }: { host: string; maxHeaderBytes: number },
): unknown {
  if (isCapsuleError(error)) return error
  const reason = reasonOf(error)
  switch (reason) {
    case 'UND_ERR_HEADERS_OVERFLOW':
      return httpErrors.HTTP_HEADERS_TOO_LARGE({ side: 'response', limitBytes: maxHeaderBytes })
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return httpErrors.HTTP_PROTOCOL_ERROR({ host, problem: 'the body is not as long as content-length says' })
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return httpErrors.HTTP_CLOSED({ host })
    case 'UND_ERR_SOCKET':
      return socketError(error as Error, host)
  }
  // its codes are not always there; its message is of the parser, without bytes of the server
  if (error instanceof Error && error.name === 'HTTPParserError') {
    const [, problem = 'malformed'] = /\(([^)]*)\)/.exec(error.message) ?? []
    return httpErrors.HTTP_PROTOCOL_ERROR({ host, problem })
  }
  if (/^E[A-Z]+$/.test(reason) || reason.startsWith('ERR_SSL')) return httpErrors.HTTP_CONNECTION_LOST({ host, reason })
  return error
}

function socketError({ message }: Error, host: string): unknown {
  return message.startsWith('bad ')
    ? httpErrors.HTTP_PROTOCOL_ERROR({ host, problem: 'a response that nothing asked for' })
    : httpErrors.HTTP_CONNECTION_LOST({ host, reason: 'closed' })
}
