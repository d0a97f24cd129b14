import type { Readable } from 'node:stream'
import { decodeBody } from './content-decoding.ts'
import { httpErrors } from './errors.ts'

export interface ResponseBodyOptions {
  readonly host: string
  readonly codings: readonly string[]
  readonly limitBytes: number
  /** What to throw for a failure of the connection. */
  readonly failureOf: (error: unknown) => unknown
  /** Called once, with the decoded bytes, when the body was read, has failed or was left. */
  readonly onEnd: (bytes: number) => void
}

/** The decoded body, counted as it is read; leaving it early closes the connection. */
export function createResponseBody(source: Readable, options: ResponseBodyOptions): AsyncIterable<Uint8Array> {
  const { host, codings, limitBytes, onEnd } = options
  let bytes = 0
  let state: 'open' | 'left' | 'ended' = 'open'
  const end = (next: 'left' | 'ended'): void => {
    if (state !== 'open') return
    state = next
    onEnd(bytes)
  }

  async function* decoded(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of decodeBody(receivedBytes(source, options), { codings, host })) {
        bytes += chunk.length
        if (bytes > limitBytes) throw httpErrors.HTTP_RESPONSE_TOO_LARGE({ host, limitBytes })
        // a plain array: Buffer is Node's, and none of a cell's business
        yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      }
    } catch (error) {
      // a read that is under way while its reader leaves just ends
      if (state !== 'left') throw error
    } finally {
      end('ended')
    }
  }

  const chunks = decoded()
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => chunks.next(),
      // first closes the connection: a generator would wait for the read under way, and for its first `next`
      return: () => {
        end('left')
        return chunks.return()
      },
    }),
  }
}

/** Counts as well, as a body can be endless and decode to nothing. */
async function* receivedBytes(
  source: Readable,
  { host, limitBytes, failureOf }: ResponseBodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > limitBytes) throw httpErrors.HTTP_RESPONSE_TOO_LARGE({ host, limitBytes })
      yield chunk
    }
  } catch (error) {
    throw failureOf(error)
  }
}
