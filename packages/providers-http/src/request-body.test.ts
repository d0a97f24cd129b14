import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { requestBodyOf, sentBody } from './request-body.ts'

const limitBytes = 10
const { signal } = new AbortController()

/** Gives one byte and then nothing more; tells when it is left. */
function stalledSource() {
  const isLeft = Promise.withResolvers<void>()
  let count = 0
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => (count++ === 0 ? Promise.resolve({ done: false, value: Buffer.from('x') }) : new Promise(() => {})),
    return: () => {
      isLeft.resolve()
      return Promise.resolve({ done: true, value: undefined })
    },
  }
  return { source: { [Symbol.asyncIterator]: () => iterator }, isLeft: isLeft.promise }
}

it('leaves a source that stands still when the call is over', async () => {
  const controller = new AbortController()
  const { source, isLeft } = stalledSource()
  const sent = sentBody({ kind: 'stream', source }, { signal: controller.signal, limitBytes }) as Readable
  const read = buffer(sent)
  read.catch(() => {})
  controller.abort()
  await waitFor(isLeft, { what: 'the end of the source' })
  await expect(read).rejects.toMatchObject({ code: 'CANCELLED' })
})

it('counts text as UTF-8, bytes and streams', async () => {
  const of = (given: string | Uint8Array | undefined) => requestBodyOf(given, { streamed: undefined, limitBytes })
  expect(of(undefined)).toEqual({ kind: 'none' })
  expect(of('é'.repeat(5))).toMatchObject({ kind: 'bytes', isText: true })
  expect(() => of('é'.repeat(6))).toThrow('the request body is larger than 10 bytes')
  expect(() => of(new Uint8Array(11))).toThrow('larger than 10 bytes')
  const source = (async function* () {
    yield new Uint8Array(6)
    yield new Uint8Array(5)
  })()
  const sent = sentBody(requestBodyOf(undefined, { streamed: source, limitBytes }), { signal, limitBytes }) as Readable
  await expect(buffer(sent)).rejects.toMatchObject({ code: 'HTTP_REQUEST_TOO_LARGE' })
})
