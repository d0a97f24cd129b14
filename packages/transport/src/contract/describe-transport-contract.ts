import { defaultLimits } from '@capsule/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Transport } from '../transport.ts'
import { createRecordingReader, within } from './recording-reader.ts'

export interface TransportPair {
  /** The transport under test. */
  readonly left: Transport<object>
  /** Its peer. It may live in another process: then what its `send` returns means nothing. */
  readonly right: Transport<object>
  /** Resolves when the peer has carried out what it was told; needed when it lives in another process. */
  sync?(): Promise<void>
  /** Writes bytes from the peer to the transport under test, past codec and framing. */
  writeRaw?(bytes: Uint8Array): void
  dispose(): PromiseLike<void>
}

export interface TransportAbilities {
  /** `send` queues (and says false when much is queued) rather than block. @defaultValue true */
  readonly queues?: boolean
  /** The pair has `writeRaw`. @defaultValue false */
  readonly raw?: boolean
}

interface Numbered {
  readonly n: number
}

// unit: characters; a few hundred of these overfill every buffer between two processes
const bulkText = 'x'.repeat(64 * 1024)

/** What every transport keeps; `create` is called once per test. */
export function describeTransportContract(
  name: string,
  { create, abilities = {} }: { create: () => Promise<TransportPair>; abilities?: TransportAbilities },
): void {
  const { queues = true, raw = false } = abilities
  describe(`transport contract: ${name}`, () => {
    let pair: TransportPair
    const sync = (): Promise<void> => within(pair.sync?.() ?? Promise.resolve(), 'the peer')
    const start = () => {
      const left = createRecordingReader<Numbered>()
      const right = createRecordingReader<Numbered>()
      pair.left.start(left)
      pair.right.start(right)
      return { left, right }
    }
    beforeEach(async () => {
      pair = await create()
    })
    afterEach(async () => {
      await pair.dispose()
    })

    it('has one reader', () => {
      pair.left.start(createRecordingReader())
      expect(() => pair.left.start(createRecordingReader())).toThrow(
        expect.objectContaining({ code: 'TRANSPORT_ALREADY_READ' }),
      )
    })

    it('delivers in order, both ways at once', async () => {
      const { left, right } = start()
      const total = 10_000
      for (let n = 0; n < total; n++) {
        pair.right.send({ type: 'output', n })
        if (!pair.left.send({ type: n % 2 ? 'output' : 'execute', n })) await within(pair.left.drained(), 'drained')
      }
      const numbers = Array.from({ length: total }, (_, n) => n)
      expect((await left.received(total)).map(({ n }) => n)).toEqual(numbers)
      expect((await right.received(total)).map(({ n }) => n)).toEqual(numbers)
    })

    it('never delivers within start, send or resume', async () => {
      pair.right.send({ n: 1 })
      await sync()
      const left = createRecordingReader<Numbered>()
      pair.left.start(left)
      expect(left.messages).toEqual([])
      await left.received(1)
      pair.left.pause()
      pair.right.send({ n: 2 })
      await sync()
      pair.left.resume()
      expect(left.messages.length).toBe(1)
      await left.received(2)
    })

    it('counts frames and bytes', async () => {
      const { right } = start()
      pair.left.send({ n: 1 })
      pair.left.send({ n: 2 })
      await right.received(2)
      // JSON until agreed: 4 bytes of length and {"n":1}
      expect(pair.left.counters).toMatchObject({ sentFrames: 2, sentBytes: 22, receivedFrames: 0, receivedBytes: 0 })
    })

    describe('agreement', () => {
      it('switches the codec between two messages and loses none', async () => {
        const switched = { codec: 'msgpack', limits: defaultLimits } as const
        const left = createRecordingReader<Numbered>(({ n }) => n === 1 && pair.left.agree(switched))
        const right = createRecordingReader<Numbered>()
        pair.right.start(right)
        pair.right.send({ type: 'output', n: 0 })
        pair.right.send({ type: 'output', n: 1 })
        pair.right.agree(switched)
        for (const n of [2, 3, 4]) pair.right.send({ type: 'output', n, bytes: n })
        await sync()
        pair.left.start(left)
        await left.received(5)
        pair.left.send({ n: 5 })
        expect((await right.received(1))[0]).toEqual({ n: 5 })
        // MessagePack says it in 4 bytes, JSON in 7
        expect(pair.left.counters.sentBytes).toBe(8)
        expect(left.messages.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4])
      })

      it('may come while frames wait behind a pause', async () => {
        const switched = { codec: 'msgpack', limits: defaultLimits } as const
        const left = createRecordingReader<Numbered>(() => pair.left.pause())
        pair.right.send({ type: 'output', n: 0 })
        pair.right.agree(switched)
        pair.right.send({ type: 'output', n: 1 })
        await sync()
        pair.left.start(left)
        await left.received(1)
        pair.left.agree(switched)
        pair.left.resume()
        expect(await left.received(2)).toEqual([
          { type: 'output', n: 0 },
          { type: 'output', n: 1 },
        ])
      })
    })

    describe('lanes', () => {
      const isBulk = ({ type }: Numbered & { type?: string }): boolean => type === 'stream-data'
      const bulk = (n: number): object => ({ type: 'stream-data', n, bulkText })
      const frames = 200

      it.skipIf(!queues)('lets control past bulk that is queued, and keeps the order within each', async () => {
        const { right } = start()
        pair.right.pause()
        await sync()
        for (let n = 0; n < frames; n++) pair.left.send(bulk(n))
        for (let n = 0; n < 3; n++) pair.left.send({ type: n === 0 ? 'execute' : 'cancel', n })
        pair.right.resume()
        const messages = await right.received(frames + 3)
        const control = messages.filter((message) => !isBulk(message)).map(({ n }) => n)
        expect(control).toEqual([0, 1, 2])
        expect(messages.filter(isBulk).map(({ n }) => n)).toEqual(Array.from({ length: frames }, (_, n) => n))
        // what both ends and the system hold was sent before it
        expect(messages.findLastIndex((message) => !isBulk(message))).toBeLessThan(frames / 2)
        const { sentFrames, sentBulkFrames } = pair.left.counters
        expect([sentFrames, sentBulkFrames]).toEqual([frames + 3, frames])
      })

      it('says drained for bulk too, and loses none of it', async () => {
        const { right } = start()
        for (let n = 0; n < frames; n++) {
          if (!pair.left.send(bulk(n))) await within(pair.left.drained(), 'drained')
          pair.left.send({ type: 'heartbeat', n })
        }
        await within(pair.left.close(), 'close')
        const messages = await right.received(2 * frames)
        expect(messages.filter(isBulk).map(({ n }) => n)).toEqual(Array.from({ length: frames }, (_, n) => n))
      })

      it('lets nothing of a new codec past what was sent in the old one', async () => {
        const switched = { codec: 'msgpack', limits: defaultLimits } as const
        const left = createRecordingReader<Numbered>(({ n }) => n === 49 && pair.left.agree(switched))
        for (let n = 0; n < 50; n++) pair.right.send(bulk(n))
        pair.right.agree(switched)
        pair.right.send({ type: 'heartbeat', n: 50 })
        pair.left.start(left)
        expect((await left.received(51)).map(({ n }) => n)).toEqual(Array.from({ length: 51 }, (_, n) => n))
      })
    })

    describe('limits', () => {
      const small = { codec: 'json', limits: { frameBytes: 100, depth: 5 } } as const
      const large = { n: 1, text: 'x'.repeat(100) }

      it('refuses to send a frame that is too large or too deep, and sends nothing of it', async () => {
        const { right } = start()
        pair.left.agree(small)
        expect(() => pair.left.send(large)).toThrow(expect.objectContaining({ code: 'FRAME_TOO_LARGE' }))
        expect(() => pair.left.send(nested(6))).toThrow(expect.objectContaining({ code: 'FRAME_TOO_DEEP' }))
        pair.left.send({ n: 2 })
        expect(await right.received(1)).toEqual([{ n: 2 }])
      })

      it('ends as failed when the peer sends a frame that is too large', async () => {
        const { left } = start()
        pair.left.agree(small)
        pair.right.send({ n: 0 })
        pair.right.send(large)
        pair.right.send({ n: 2 })
        expect(await left.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_TOO_LARGE' } })
        expect(left.messages).toEqual([{ n: 0 }])
      })

      it('ends as failed when the peer sends a message that is too deep', async () => {
        const { left } = start()
        pair.left.agree(small)
        pair.right.send(nested(10))
        expect(await left.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_TOO_DEEP' } })
      })

      it('makes the peer fail when it agreed on less than we send', async () => {
        const { right } = start()
        pair.right.agree(small)
        await sync()
        pair.left.send(large)
        expect(await right.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_TOO_LARGE' } })
      })
    })

    describe('back-pressure', () => {
      it.skipIf(!queues)('says false when the peer does not read, and drained when it does again', async () => {
        const { right } = start()
        pair.right.pause()
        await sync()
        let sent = 1
        while (pair.left.send({ n: sent - 1, bulkText })) {
          expect(sent).toBeLessThan(1000)
          // let the pipe take what it can, so that it is the peer's pause which fills the queue
          if (sent++ % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        let isDrained = false
        const drained = pair.left.drained().then(() => (isDrained = true))
        await new Promise((resolve) => setImmediate(resolve))
        expect(isDrained).toBe(false)
        pair.right.resume()
        await within(drained, 'drained')
        expect((await right.received(sent)).map(({ n }) => n)).toEqual(Array.from({ length: sent }, (_, n) => n))
      })

      it('holds the peer back while paused, and loses nothing', async () => {
        const { left } = start()
        pair.left.pause()
        const total = 200
        for (let n = 0; n < total; n++) pair.right.send({ type: 'output', n, bulkText })
        await new Promise((resolve) => setImmediate(resolve))
        expect(left.messages.length).toBe(0)
        pair.left.resume()
        expect((await left.received(total)).map(({ n }) => n)).toEqual(Array.from({ length: total }, (_, n) => n))
      })

      it('delivers nothing more once paused, not even of what came with the same chunk', async () => {
        const left = createRecordingReader<Numbered>(() => pair.left.pause())
        for (const n of [0, 1, 2]) pair.right.send({ type: 'output', n })
        await sync()
        pair.left.start(left)
        for (const count of [1, 2, 3]) {
          await left.received(count)
          await new Promise((resolve) => setImmediate(resolve))
          expect(left.messages.length).toBe(count)
          pair.left.resume()
        }
      })

      it('stops waiting for drained when the signal fires', async () => {
        await within(pair.left.drained(), 'drained')
        const cancelled = pair.left.drained({ signal: AbortSignal.abort() })
        await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' })
      })
    })

    describe('end', () => {
      it('sends what is queued before it closes', async () => {
        const { left, right } = start()
        for (let n = 0; n < 100; n++) pair.left.send({ n, bulkText })
        await within(pair.left.close(), 'close')
        await right.received(100)
        expect(await right.ended()).toEqual({ reason: 'eof' })
        expect(left.ends).toEqual([{ reason: 'closed' }])
      })

      it.skipIf(!queues)('drops what is queued when told to discard', async () => {
        const { left, right } = start()
        pair.right.pause()
        await sync()
        for (let n = 0; n < 200; n++) pair.left.send({ n, bulkText })
        const graceful = pair.left.close()
        await within(pair.left.close({ discard: true }), 'close')
        await within(graceful, 'close')
        expect(left.ends).toEqual([{ reason: 'closed' }])
        pair.right.resume()
        await right.ended()
        expect(right.messages.length).toBeLessThan(200)
        expect(left.ends.length).toBe(1)
      })

      it('ends with eof when the peer closes, after everything it sent', async () => {
        const { left } = start()
        for (let n = 0; n < 100; n++) pair.right.send({ type: 'output', n, bulkText })
        void pair.right.close()
        expect(await left.ended()).toEqual({ reason: 'eof' })
        expect(left.messages.length).toBe(100)
      })

      it('keeps the end behind a pause', async () => {
        const left = createRecordingReader<Numbered>(() => pair.left.pause())
        pair.right.send({ n: 0 })
        pair.right.send({ n: 1 })
        void pair.right.close()
        pair.left.start(left)
        await left.received(1)
        await new Promise((resolve) => setImmediate(resolve))
        expect(left.ends).toEqual([])
        pair.left.resume()
        await left.received(2)
        pair.left.resume()
        expect(await left.ended()).toEqual({ reason: 'eof' })
      })

      it('delivers nothing after the end and ends once', async () => {
        const left = createRecordingReader<Numbered>(() => void pair.left.close({ discard: true }))
        for (let n = 0; n < 10; n++) pair.right.send({ type: 'output', n })
        await sync()
        pair.left.start(left)
        await left.ended()
        await within(pair.left.close(), 'close')
        await new Promise((resolve) => setImmediate(resolve))
        expect([left.messages.length, left.ends.length, left.late]).toEqual([1, 1, 0])
        expect(pair.left.send({ n: 1 })).toBe(false)
        await within(pair.left.drained(), 'drained')
      })

      it('tells a reader that comes later', async () => {
        await within(pair.left.close(), 'close')
        const left = createRecordingReader()
        pair.left.start(left)
        expect(left.ends).toEqual([])
        expect(await left.ended()).toEqual({ reason: 'closed' })
      })

      it('fails when its reader throws', async () => {
        const left = createRecordingReader(() => {
          throw new Error('the reader is broken')
        })
        pair.left.start(left)
        pair.right.send({ n: 0 })
        expect(await left.ended()).toMatchObject({ reason: 'failed', error: { code: 'TRANSPORT_FAILED' } })
      })

      it.skipIf(!raw)('tells an end in the middle of a frame from one between frames', async () => {
        const { left } = start()
        pair.right.send({ n: 0 })
        await sync()
        pair.writeRaw?.(Uint8Array.of(0, 0, 0, 9, 1, 2))
        await sync()
        void pair.right.close()
        expect(await left.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_TRUNCATED' } })
        expect(left.messages).toEqual([{ n: 0 }])
      })

      it.skipIf(!raw)('fails on bytes that are not a message', async () => {
        const { left } = start()
        pair.writeRaw?.(Buffer.from('\0\0\0\x05?!{]['))
        expect(await left.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_MALFORMED' } })
      })
    })
  })
}

function nested(depth: number): object {
  let value: object = {}
  for (let level = 1; level < depth; level++) value = { value }
  return value
}
