import { type DrivenAttack, stoppedEverywhere } from './attack.ts'
import { alsoIn, isUsable } from './control.ts'
import { forging } from './forged-frames.ts'

const timeoutMs = 5000

/** Bytes that the host must survive: its memory does not grow by much, and the session goes on with another worker. */
const survived = (id: string, title: string, bytes: () => Uint8Array): DrivenAttack => ({
  id: `protocol/${id}`,
  title,
  expected: stoppedEverywhere,
  // the host has read them: it ended the worker
  control: alsoIn(async (open) => {
    const session = await open()
    const { outcome } = await session.run(`${forging(bytes())}; await new Promise(() => {})`, { timeoutMs })
    return outcome.status === 'crashed' && outcome.error?.code === 'WORKER_VIOLATED_PROTOCOL'
  }),
  async drive(_, open) {
    const session = await open()
    const before = process.memoryUsage.rss()
    await session.run(`${forging(bytes())}; await new Promise(() => {})`, { timeoutMs })
    const grownMb = (process.memoryUsage.rss() - before) / 1024 / 1024
    return grownMb > 150 || !(await isUsable(session))
  },
})

/** A frame around what no codec would write. */
function framed(payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(payload.length)
  return Buffer.concat([header, payload])
}

/** What no codec writes, or nobody should read. */
export const malformedFrames: readonly DrivenAttack[] = [
  survived('garbage', 'writes bytes that are no frames', () => Buffer.alloc(200_000, 0xff)),
  survived('huge-length', 'announces a frame of 2 GB', () => Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])),
  survived('empty-frames', 'writes frames without content', () => Buffer.alloc(4000)),
  survived('deep-frame', 'writes a frame of 100,000 nested arrays', () => framed(Buffer.alloc(100_000, 0x91))),
  survived('empty-maps', 'writes a frame of 2 million empty objects', () =>
    framed(Buffer.concat([Buffer.from([0xdd, 0, 0x1e, 0x84, 0x80]), Buffer.alloc(2_000_000, 0x80)])),
  ),
  survived('false-length', 'writes an array that claims 4 billion members', () =>
    framed(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1])),
  ),
  survived('unknown-messages', 'writes thousands of messages that fit nothing', () =>
    Buffer.concat(
      Array.from({ length: 2000 }, () =>
        framed(Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa3, 0x61, 0x63, 0x6b])),
      ),
    ),
  ),
]
