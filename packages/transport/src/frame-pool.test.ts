import { expect, it } from 'vitest'
import { encodePooledFrame, isPooled } from './frame-pool.ts'
import { encodeFrame } from './framing.ts'

it('takes payloads of bulk that fit into one piece of memory', () => {
  const sizes = [100, 16 * 1024, 64 * 1024 - 4, 64 * 1024 - 3]
  expect(sizes.map((size) => isPooled(new Uint8Array(size)))).toEqual([false, true, true, false])
})

it('frames as every frame is, and uses the memory again only after its release', () => {
  const payload = new Uint8Array(20_000).fill(3)
  const first = encodePooledFrame(payload)
  const second = encodePooledFrame(payload)
  expect(Buffer.from(first.frame).equals(encodeFrame(payload, Infinity))).toBe(true)
  expect(second.frame.buffer).not.toBe(first.frame.buffer)
  first.release()
  const third = encodePooledFrame(payload)
  expect(third.frame.buffer).toBe(first.frame.buffer)
  second.release()
  third.release()
})
