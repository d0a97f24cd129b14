// Run by hand, never with the tests: node --conditions=@capsule/source test/measure-framing.ts
import { createFrameDecoder } from '@capsule/transport'

const frameBytes = 16 * 1024 * 1024
const rounds = 40
const header = Buffer.alloc(4)
header.writeUInt32BE(frameBytes)
// one chunk again and again: like one that a socket has just read, it is in the cache
const chunk = Buffer.alloc(64 * 1024, 'x')
let frames = 0
const decoder = createFrameDecoder({ limitBytes: frameBytes, onFrame: () => frames++ })
const startedAtMs = performance.now()
for (let round = 0; round < rounds; round++) {
  decoder.push(header)
  for (let pushed = 0; pushed < frameBytes; pushed += chunk.length) decoder.push(chunk)
}
const seconds = (performance.now() - startedAtMs) / 1000
const gibibytes = (frames * frameBytes) / 1024 ** 3
console.log(`${(gibibytes / seconds).toFixed(2)} GiB/s decoding ${frames} frames of 16 MiB from 64 KiB chunks`)
