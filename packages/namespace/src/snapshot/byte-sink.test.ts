import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteSink, SinkIsFull } from './byte-sink.ts'
import { ByteSource, MalformedSnapshot } from './byte-source.ts'
import { valueTag } from './value-tags.ts'

function sourceOf(write: (sink: ByteSink) => void): ByteSource {
  const sink = new ByteSink(1)
  write(sink)
  return new ByteSource(sink.finish())
}

test('numbers are read as they were written', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-0, 2 ** 30, -(2 ** 30), 2 ** 31, 2 ** 53)),
      (value) => {
        const source = sourceOf((sink) => sink.number(value))
        const isInteger = source.byte() === valueTag.integer
        expect(isInteger ? source.integer() : source.double()).toBe(value)
        expect(source.isAtEnd).toBe(true)
      },
    ),
  )
})

test('texts of all code units and BigInts are read as they were written', () => {
  const units = fc.array(fc.nat({ max: 0xffff }), { maxLength: 60 }).map((codes) => String.fromCharCode(...codes))
  fc.assert(
    fc.property(fc.oneof(fc.string(), units), fc.bigInt(), (text, big) => {
      const source = sourceOf((sink) => {
        sink.text(text)
        sink.bigint(big)
        sink.text(text)
      })
      expect(source.text()).toBe(text)
      source.byte()
      expect(source.bigint()).toBe(big)
      source.skipText()
      expect(source.isAtEnd).toBe(true)
    }),
  )
})

test('counts and bytes are read as they were written', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.uint8Array(), (count, bytes) => {
      const source = sourceOf((sink) => {
        sink.varint(count * 1024)
        sink.binary(bytes)
        sink.uint32(count)
      })
      expect(source.varint()).toBe(count * 1024)
      expect(source.binary()).toEqual(bytes)
      expect(source.uint32()).toBe(count)
    }),
  )
})

test('a sink takes no memory beyond its limit', () => {
  const sink = new ByteSink(16, 1000)
  expect(() => {
    for (let count = 0; count < 1000; count++) sink.text('x'.repeat(1000))
  }).toThrow(SinkIsFull)
  expect(sink.position).toBeLessThan(100_000)
})

test('whatever the bytes are, a source ends or says that they are malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.nat({ max: 7 }), { maxLength: 20 }), (bytes, reads) => {
      const source = new ByteSource(bytes)
      const read = (): void => {
        for (const each of reads) {
          if (each === 0) source.varint()
          else if (each === 1) source.text()
          else if (each === 2) source.bigint()
          else if (each === 3) source.double()
          else if (each === 4) source.binary()
          else if (each === 5) source.uint32()
          else if (each === 6) source.skipText()
          else source.byte()
        }
      }
      expect(problemOf(read)).toBeOneOf([undefined, MalformedSnapshot])
      expect(source.position).toBeLessThanOrEqual(bytes.length)
    }),
  )
})

test('a source reads no further than the range it was given', () => {
  const whole = new ByteSource(new Uint8Array([1, 2, 3, 4]))
  const part = new ByteSource(whole, 1, 3)
  expect([part.byte(), part.byte(), part.isAtEnd]).toEqual([2, 3, true])
  expect(() => part.byte()).toThrow('it ends early')
})

function problemOf(read: () => void): unknown {
  try {
    read()
    return undefined
  } catch (error) {
    return (error as Error).constructor
  }
}
