import { createCapsule } from '@capsule/host'
import { expect, it, onTestFinished } from 'vitest'

const names = `Atomics Int32Array Uint8Array SharedArrayBuffer Buffer JSON Reflect Object Array Number performance Date
  setTimeout clearTimeout setImmediate queueMicrotask Map Set Error Symbol String Math Promise EventTarget AbortController`.split(
  /\s+/,
)
const poisons = names.map((name) => `const ${name} = 'mine'`)
const echo = `const channel = capsule.stream('echo'); for await (const chunk of channel) await channel.write(chunk); await channel.end()`

// of the threaded worker, whose control thread they do not reach
it('cells that replace built-ins break no channel', async () => {
  const capsule = await createCapsule({
    session: { env: { CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' } },
  })
  onTestFinished(async () => capsule.shutdown({ graceMs: 0 }))
  const session = await capsule.createSession()
  const sent = new Uint8Array(200_000).map((_, index) => index % 251)
  for (const poison of poisons) {
    await session.execute(poison).outcome
    const echoing = session.execute(echo).outcome
    const channel = session.stream('echo', { windowBytes: 100_000 })
    const sending = Promise.all([channel.write(sent), channel.write({ list: [1, 'two'] }), channel.end()])
    const received: unknown[] = []
    for await (const chunk of channel) received.push(chunk)
    await sending
    const last = received.pop()
    expect({ poison, isWhole: Buffer.concat(received as Uint8Array[]).equals(sent), last }).toEqual({
      poison,
      isWhole: true,
      last: { list: [1, 'two'] },
    })
    await echoing
    await channel.closed
  }
}, 60_000)
