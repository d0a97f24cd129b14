import { openSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createSlabSink, type SlabSinkOptions } from './slab-sink.ts'

function createRecordedSink(options: SlabSinkOptions = {}) {
  const writes: number[] = []
  const failures: unknown[] = []
  const write = (_fd: number, _bytes: Uint8Array, _offset: number, length: number): number => {
    writes.push(length)
    return length
  }
  const sink = createSlabSink(openSync('/dev/null', 'w'), { write, now: () => 0, ...options })
  sink.open({ progress: () => {}, fail: (error) => failures.push(error) })
  return { sink, writes, failures }
}

const payload = new Uint8Array(96)

it('writes the first frame of a turn at once and gathers the others until the turn ends', async () => {
  const { sink, writes } = createRecordedSink()
  for (let n = 0; n < 4; n++) sink.writeFrame(payload, 'turn')
  expect(writes).toEqual([100])
  await Promise.resolve()
  expect(writes).toEqual([100, 300])
  sink.writeFrame(payload, 'turn')
  expect(writes).toEqual([100, 300, 100])
  sink.destroy()
})

it('writes urgent frames at once, behind what was gathered', () => {
  const { sink, writes } = createRecordedSink()
  for (const urgency of ['turn', 'turn', 'now'] as const) sink.writeFrame(payload, urgency)
  expect(writes).toEqual([100, 200])
  sink.destroy()
})

it('writes when the slab is full, and frames larger than it by themselves, in order', () => {
  const { sink, writes } = createRecordedSink()
  for (const length of [96, 40_000, 40_000, 100_000]) sink.writeFrame(new Uint8Array(length), 'turn')
  expect(writes).toEqual([100, 40_004, 40_004, 100_004])
  sink.destroy()
})

it('writes after 2 ms in a turn that does not end', () => {
  let nowMs = 0
  const { sink, writes } = createRecordedSink({ now: () => nowMs })
  sink.writeFrame(payload, 'turn')
  sink.writeFrame(payload, 'turn')
  nowMs = 2
  sink.writeFrame(payload, 'turn')
  expect(writes).toEqual([100, 200])
  sink.destroy()
})

it('goes on after a part was written and after EAGAIN', () => {
  const written: number[] = []
  let calls = 0
  const { sink } = createRecordedSink({
    write: (_fd, bytes, offset, length) => {
      if (calls++ % 2 === 0) throw Object.assign(new Error('try again'), { code: 'EAGAIN' })
      const part = Math.min(length, 7)
      written.push(...bytes.subarray(offset, offset + part))
      return part
    },
  })
  sink.writeFrame(
    Uint8Array.from({ length: 20 }, (_, n) => n),
    'now',
  )
  expect(written).toEqual([0, 0, 0, 20, ...Array.from({ length: 20 }, (_, n) => n)])
  sink.destroy()
})

it('fails once when the reader is gone, and drops the rest', () => {
  const gone = Object.assign(new Error('broken pipe'), { code: 'EPIPE' })
  const { sink, failures } = createRecordedSink({
    write: () => {
      throw gone
    },
  })
  sink.writeFrame(payload, 'now')
  sink.writeFrame(payload, 'now')
  expect(failures).toEqual([gone])
  sink.destroy()
})

it('writes the first bulk frame of a turn at once, also behind others', () => {
  const { sink, writes } = createRecordedSink()
  sink.writeFrame(payload, 'next')
  sink.writeFrame(payload, 'turn')
  expect(writes).toEqual([200])
  sink.destroy()
})
