import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrameDecoder, encodeFrame } from './framing.ts'

const limitBytes = 1024 * 1024

function decodeAll(chunks: readonly Uint8Array[], limit = limitBytes): Buffer[] {
  const frames: Buffer[] = []
  const decoder = createFrameDecoder({ limitBytes: limit, onFrame: (payload) => frames.push(Buffer.from(payload)) })
  for (const chunk of chunks) decoder.push(chunk)
  decoder.end()
  return frames
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

describe('encodeFrame', () => {
  it('puts a big-endian length before the payload', () => {
    expect([...encodeFrame(Buffer.from('abc'), 3)]).toEqual([0, 0, 0, 3, 97, 98, 99])
  })

  it('refuses a payload over the limit and an empty one', () => {
    expect(() => encodeFrame(Buffer.alloc(4), 3)).toThrow(expect.objectContaining({ code: 'FRAME_TOO_LARGE' }))
    expect(() => encodeFrame(Buffer.alloc(0), 3)).toThrow(expect.objectContaining({ code: 'FRAME_EMPTY' }))
  })
})

describe('createFrameDecoder', () => {
  it('decodes the same frames however they are cut into chunks', () => {
    const payloads = fc.array(
      fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 60_000, max: 200_000 }).map(filled)),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 30 }), (frames, cuts) => {
        const wire = Buffer.concat(frames.map((payload) => encodeFrame(payload, limitBytes)))
        const decoded = decodeAll(cut(wire, cuts))
        expect(decoded.length).toBe(frames.length)
        expect(decoded.every((frame, index) => frame.equals(frames[index] as Uint8Array))).toBe(true)
      }),
    )
  })

  it('decodes byte by byte', () => {
    const wire = Buffer.concat([encodeFrame(Buffer.from('one'), 10), encodeFrame(Buffer.from('two'), 10)])
    expect(decodeAll(Array.from(wire, (byte) => Buffer.of(byte))).join()).toBe('one,two')
  })

  it('passes a frame inside one chunk as a view of it', () => {
    const wire = encodeFrame(Buffer.from('view'), 10)
    let payload: Uint8Array | undefined
    createFrameDecoder({ limitBytes, onFrame: (given) => void (payload = given) }).push(wire)
    expect(payload?.buffer).toBe(wire.buffer)
  })

  it('gives a frame across chunks in a buffer of exactly its size', () => {
    const wire = encodeFrame(filled(300_000), limitBytes)
    let payload: Uint8Array | undefined
    const decoder = createFrameDecoder({ limitBytes, onFrame: (given) => void (payload = given) })
    for (const chunk of cut(wire, [10, 70_000, 150_000])) decoder.push(chunk)
    expect(payload?.length).toBe(300_000)
    expect(payload?.buffer.byteLength).toBe(300_000)
  })

  it('refuses an oversize length when the header is complete, and goes on refusing', () => {
    const decoder = createFrameDecoder({ limitBytes: 100, onFrame: () => {} })
    decoder.push(header(101).subarray(0, 3))
    const tooLarge = expect.objectContaining({ code: 'FRAME_TOO_LARGE', details: { bytes: 101, limitBytes: 100 } })
    expect(() => decoder.push(header(101).subarray(3))).toThrow(tooLarge)
    expect(() => decoder.push(Buffer.from('more'))).toThrow(tooLarge)
  })

  it('allocates as bytes arrive, not as the header claims', () => {
    const claimed = 1024 * 1024 * 1024
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 20 }, () => createFrameDecoder({ limitBytes: claimed, onFrame: () => {} }))
    for (const decoder of decoders) decoder.push(Buffer.concat([header(claimed), Buffer.from('x')]))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
  })

  it('refuses an empty frame', () => {
    const decoder = createFrameDecoder({ limitBytes, onFrame: () => {} })
    expect(() => decoder.push(header(0))).toThrow(expect.objectContaining({ code: 'FRAME_EMPTY' }))
  })

  it('applies a changed limit to the next frame of the same chunk', () => {
    const frames: number[] = []
    const decoder = createFrameDecoder({
      limitBytes: 2,
      onFrame: (payload) => {
        frames.push(payload.length)
        decoder.limitBytes = 4
      },
    })
    decoder.push(Buffer.concat([encodeFrame(filled(2), 2), encodeFrame(filled(4), 4)]))
    expect(frames).toEqual([2, 4])
  })

  it('stops after a frame when told to and returns the rest', () => {
    const frames: string[] = []
    const onFrame = (payload: Uint8Array): boolean => frames.push(Buffer.from(payload).toString()) !== 1
    const decoder = createFrameDecoder({ limitBytes, onFrame })
    const rest = decoder.push(Buffer.concat(['a', 'b', 'c'].map((text) => encodeFrame(Buffer.from(text), 1))))
    expect(frames).toEqual(['a'])
    expect(decoder.push(rest as Uint8Array)).toBe(undefined)
    expect(frames).toEqual(['a', 'b', 'c'])
  })

  it('tells an end between frames from one in mid-frame', () => {
    const at = (bytes: Uint8Array) => () => decodeAll([bytes])
    expect(at(encodeFrame(filled(5), 10))).not.toThrow()
    const wire = encodeFrame(filled(5), 10)
    for (const length of [1, 3, 4, 8]) {
      expect(at(wire.subarray(0, length))).toThrow(expect.objectContaining({ code: 'FRAME_TRUNCATED' }))
    }
  })
})

function filled(length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => index % 251)
}

function cut(wire: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts.map((place) => place % (wire.length + 1)), wire.length])].sort((a, b) => a - b)
  return places.slice(1).map((end, index) => wire.subarray(places[index], end))
}
