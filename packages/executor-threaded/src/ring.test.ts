import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRingReader, createRingWriter, maxTextLength, type RingReaderOptions, textFlag } from './ring.ts'
import { createSharedMemory, openSharedMemory, type SharedState, word } from './shared-state.ts'

const ringBytes = 256 * 1024

function openRing() {
  const shared = openSharedMemory(createSharedMemory(ringBytes))
  return { shared, writer: createRingWriter(shared), ...openReader(shared) }
}

function openReader(shared: SharedState, options: RingReaderOptions = {}) {
  const records: unknown[] = []
  const reader = createRingReader(
    shared,
    {
      text: (executionId, flags, text) => records.push({ executionId, flags, text }),
      message: (body) => records.push(Buffer.from(body).toString('hex')),
      blob: (sequence) => records.push(sequence),
    },
    options,
  )
  return { reader, readAll: () => (reader.drain(() => true), records.splice(0)) }
}

describe('the ring', () => {
  it('hands over records in the order they were written', () => {
    const { writer, reader, readAll } = openRing()
    writer.writeText('exec-1', 0, 'plain')
    writer.writeText('exec-1', textFlag.stderr, 'h\u00e9\u20ac\u{1f600}')
    writer.writeMessage(Buffer.from('01ff', 'hex'))
    writer.writeText('exec-2', textFlag.late, 'other')
    writer.writeBlob(7)
    expect(readAll()).toEqual([
      { executionId: 'exec-1', flags: 0, text: 'plain' },
      { executionId: 'exec-1', flags: textFlag.stderr, text: 'h\u00e9\u20ac\u{1f600}' },
      '01ff',
      { executionId: 'exec-2', flags: textFlag.late, text: 'other' },
      7,
    ])
    expect(reader.isEmpty).toBe(true)
  })

  it('keeps every record whole over many laps, whatever the sizes', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 2000 })
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(id, text), { minLength: 1, maxLength: 300 }), fc.nat(), (records, start) => {
        const { shared, writer, readAll } = openRing()
        // counters near their 32-bit end, so that they wrap in the middle
        const origin = -(start % 100_000) & ~7
        Atomics.store(shared.words, word.tail, origin)
        Atomics.store(shared.words, word.head, origin)
        for (const [executionId, printed] of records) {
          writer.writeText(executionId, 0, printed)
          expect(readAll()).toEqual([{ executionId, flags: 0, text: printed.toWellFormed() }])
        }
      }),
      { numRuns: 30 },
    )
  })

  it('loses nothing but what was not committed when writing is cut off and begun anew', () => {
    const { shared, writer, readAll } = openRing()
    writer.writeText('exec-1', 0, 'before')
    const cut = createRingWriter(shared)
    // a writer that dies between filling a record and committing it: only the bytes behind the tail changed
    const tail = Atomics.load(shared.words, word.tail)
    cut.writeText('exec-9', 0, 'never committed')
    Atomics.store(shared.words, word.tail, tail)
    writer.writeText('exec-1', 0, 'after')
    expect(readAll()).toEqual([
      { executionId: 'exec-1', flags: 0, text: 'before' },
      { executionId: 'exec-1', flags: 0, text: 'after' },
    ])
  })

  it('keeps room for a message when text has filled it', () => {
    const { writer, readAll } = openRing()
    const stop = new Error('full')
    const fill = (): void => {
      for (;;)
        writer.writeText('exec-1', 0, 'x'.repeat(maxTextLength), {
          limitBytes: Infinity,
          refuse: () => {
            throw stop
          },
        })
    }
    expect(fill).toThrow(stop)
    writer.writeMessage(Buffer.alloc(32 * 1024, 1))
    const records = readAll()
    expect(records.at(-1)).toBe('01'.repeat(32 * 1024))
  })

  it('joins neighbouring texts of one source, in order and up to the limit', () => {
    const { shared, writer } = openRing()
    const { readAll } = openReader(shared, { joinBytes: 8 })
    for (const text of ['1', '\u20ac', '45678', '9', 'longer than the limit']) writer.writeText('a', 0, text)
    writer.writeText('a', textFlag.stderr, 'e')
    writer.writeText('b', textFlag.stderr, 'f')
    writer.writeMessage(Buffer.from('01', 'hex'))
    for (const text of ['x', 'y']) writer.writeText('b', textFlag.stderr, text)
    writer.writeBlob(7)
    const stderr = { flags: textFlag.stderr }
    expect(readAll()).toEqual([
      { executionId: 'a', flags: 0, text: '1\u20ac' },
      { executionId: 'a', flags: 0, text: '456789' },
      { executionId: 'a', flags: 0, text: 'longer than the limit' },
      { executionId: 'a', ...stderr, text: 'e' },
      { executionId: 'b', ...stderr, text: 'f' },
      '01',
      { executionId: 'b', ...stderr, text: 'xy' },
      7,
    ])
  })

  it('joins the same text over many laps', () => {
    const { shared, writer } = openRing()
    const { readAll } = openReader(shared, { joinBytes: 4096 })
    let printed = ''
    let read = ''
    for (let lap = 0; lap < 3000; lap++) {
      const line = `${'\u00e9'.repeat(lap % 90)}${lap}\n`
      writer.writeText('exec-1', 0, line)
      printed += line
      if (lap % 37 === 0) for (const record of readAll()) read += (record as { text: string }).text
    }
    for (const record of readAll()) read += (record as { text: string }).text
    expect(read).toBe(printed)
  })

  it('tells the reader once when there is more', async () => {
    const { writer, reader, readAll } = openRing()
    const { promise, resolve } = Promise.withResolvers<void>()
    reader.whenMore(resolve)
    writer.writeText('exec-1', 0, 'x')
    await promise
    expect(readAll()).toHaveLength(1)
  })
})
