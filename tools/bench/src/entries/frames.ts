import { createFrameDecoder, encodeFrame } from '@capsule/transport'
import type { BenchEntry } from '../bench.ts'
import { median } from '../statistics.ts'

const frameBytes = 16 * 1024 * 1024
/** What one read of a pipe brings. */
const chunkBytes = 64 * 1024

/** A 16 MiB frame that arrives in chunks of a pipe's size. */
export const frames: BenchEntry = {
  name: 'frames',
  async run({ isQuick }) {
    const limitBytes = frameBytes
    const frame = encodeFrame(new Uint8Array(frameBytes), limitBytes)
    const rounds = isQuick ? 10 : 100
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      let decodedBytes = 0
      const decoder = createFrameDecoder({ limitBytes, onFrame: (payload) => (decodedBytes += payload.length) })
      const startedMs = performance.now()
      for (let at = 0; at < frame.length; at += chunkBytes) decoder.push(frame.subarray(at, at + chunkBytes))
      rates.push(decodedBytes / 1024 ** 3 / ((performance.now() - startedMs) / 1000))
      if (decodedBytes !== frameBytes) throw new Error(`decoded ${decodedBytes} bytes`)
    }
    return [
      {
        id: 'frames/decode',
        title: 'decode of a 16 MiB frame',
        value: median(rates),
        unit: 'GiB per s',
        samples: rounds,
      },
    ]
  },
}
