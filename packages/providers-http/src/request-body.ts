import { Readable } from 'node:stream'
import { withAbort } from '@capsule/core'
import { httpErrors } from './errors.ts'

/** Bytes can be sent again, to another hop or in another attempt; a stream can not. */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly isText: boolean }
  | { readonly kind: 'stream'; readonly source: AsyncIterable<Uint8Array> }

/** @throws HTTP_REQUEST_TOO_LARGE */
export function requestBodyOf(
  given: string | Uint8Array | undefined,
  { streamed, limitBytes }: { streamed: AsyncIterable<Uint8Array> | undefined; limitBytes: number },
): RequestBody {
  if (streamed !== undefined) return { kind: 'stream', source: streamed }
  if (given === undefined) return { kind: 'none' }
  const bytes = typeof given === 'string' ? new TextEncoder().encode(given) : given
  if (bytes.length > limitBytes) throw httpErrors.HTTP_REQUEST_TOO_LARGE({ limitBytes })
  return { kind: 'bytes', bytes, isText: typeof given === 'string' }
}

/** What undici sends; a stream ends with the signal, also while its source stands still. */
export function sentBody(
  body: RequestBody,
  { signal, limitBytes }: { signal: AbortSignal; limitBytes: number },
): Uint8Array | Readable | null {
  switch (body.kind) {
    case 'none':
      return null
    case 'bytes':
      return body.bytes
    case 'stream':
      return Readable.from(countedBytes(body.source, { signal, limitBytes }), { objectMode: false })
  }
}

async function* countedBytes(
  source: AsyncIterable<Uint8Array>,
  { signal, limitBytes }: { signal: AbortSignal; limitBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]()
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await withAbort(iterator.next(), signal, 'the request body')
      if (done === true) return
      bytes += value.length
      if (bytes > limitBytes) throw httpErrors.HTTP_REQUEST_TOO_LARGE({ limitBytes })
      yield value
    }
  } finally {
    void iterator.return?.()?.catch(() => {})
  }
}
