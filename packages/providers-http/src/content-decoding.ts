import { pipeline, type Transform } from 'node:stream'
import zlib from 'node:zlib'
import { isCapsuleError } from '@capsule/core'
import { httpErrors } from './errors.ts'

export const acceptedCodings = 'gzip, deflate, br, zstd'

// each has buffers and a window of its own
const codingsLimit = 3
// RFC 9659: a zstd body of HTTP needs at most 8 MiB; without a limit the sender decides, up to 128 MiB
const zstdWindowLog = 23

/** The codings of a body, first applied first. @throws HTTP_DECODE_FAILED */
export function codingsOf(contentEncoding: string, host: string): string[] {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && each !== 'identity')
  const unknown = codings.find((each) => !['gzip', 'x-gzip', 'deflate', 'br', 'zstd'].includes(each))
  if (unknown !== undefined) {
    const problem = `the coding ${JSON.stringify(unknown.slice(0, 32))} is none of ${acceptedCodings}`
    throw httpErrors.HTTP_DECODE_FAILED({ host, problem })
  }
  if (codings.length > codingsLimit) {
    throw httpErrors.HTTP_DECODE_FAILED({ host, problem: `more than ${codingsLimit} codings` })
  }
  return codings
}

/**
 * The decoded bytes, in chunks of at most 16 KiB, decompressed only as they are read.
 * @throws HTTP_DECODE_FAILED while it is read
 */
export function decodeBody(
  source: AsyncIterable<Uint8Array>,
  { codings, host }: { codings: readonly string[]; host: string },
): AsyncIterable<Uint8Array> {
  return codings.reduceRight((encoded, coding) => decodeOne(encoded, coding, host), source)
}

async function* decodeOne(
  source: AsyncIterable<Uint8Array>,
  coding: string,
  host: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]()
  try {
    const first = await iterator.next()
    // no body at all is no cut-off body: servers do send the header with it
    if (first.done === true) return
    const decoder = decoderOf(coding, first.value)
    pipeline(beginningWith(first.value, iterator), decoder, () => {})
    yield* decoder as AsyncIterable<Uint8Array>
  } catch (error) {
    if (isCapsuleError(error)) throw error
    throw httpErrors.HTTP_DECODE_FAILED({ host, problem: `it is not valid ${coding}` })
  } finally {
    // not awaited: it waits for a read under way, which ends when the reader of the whole gives up the call
    void iterator.return?.()?.catch(() => {})
  }
}

async function* beginningWith(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first
  for (;;) {
    const next = await rest.next()
    if (next.done === true) return
    yield next.value
  }
}

function decoderOf(coding: string, first: Uint8Array): Transform {
  switch (coding) {
    case 'br':
      return zlib.createBrotliDecompress()
    case 'zstd':
      return zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLog } })
    case 'deflate':
      // the standard means zlib's format; some servers send it without its header, which has 8 in the low bits
      return ((first[0] ?? 0) & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw()
    default:
      return zlib.createGunzip()
  }
}
