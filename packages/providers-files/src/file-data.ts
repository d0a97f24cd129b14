import { withAbort } from '@capsule/core'
import { capabilityBody, type CapabilityContext } from '@capsule/provider-sdk'
import * as z from 'zod'

/** What a cell gives to be written. */
export const dataSchema: z.ZodType<string | Uint8Array, string | Uint8Array> = z.union([
  z.string(),
  z.instanceof(Uint8Array),
])

export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data
}

/** The bytes of a field `data`, piece by piece; a cancel ends the wait for the next one. */
export async function* piecesOf(
  data: string | Uint8Array | typeof capabilityBody,
  { body, signal }: Pick<CapabilityContext, 'body' | 'signal'>,
): AsyncGenerator<Uint8Array, undefined> {
  if (data !== capabilityBody) {
    yield bytesOf(data)
    return
  }
  if (body === undefined) throw new TypeError('the host gave no body for a field that is streamed')
  const chunks = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await withAbort(chunks.next(), signal, 'the write')
      if (done === true) return
      yield value
    }
  } finally {
    // not waited for: a source that hangs in `next` answers to `return` only when that is over
    void Promise.resolve(chunks.return?.()).catch(() => {})
  }
}
