import { capabilityLimits } from '@capsule/protocol'
import { expect, it } from 'vitest'
import { UnreadAnswers } from './unread-answers.ts'

const mib = 1024 * 1024
const request = (bytes = 10) => ({ args: new Uint8Array(bytes) })

function createUnread() {
  let wake = Promise.withResolvers<void>()
  const unread = new UnreadAnswers({ drained: () => wake.promise })
  const drain = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  return { unread, drain }
}

it('lets all through that is read', () => {
  const { unread } = createUnread()
  for (let count = 0; count < 100; count++) unread.sent(mib, true)
  expect([unread.room(request()), unread.isExhausted]).toEqual([undefined, false])
})

it('holds requests while too much is unread, until it is read', async () => {
  const { unread, drain } = createUnread()
  for (let count = 0; count < 64; count++) unread.sent(mib, false)
  let served = 0
  const held = [request(), request()].map(async (each) => {
    await unread.room(each)
    served++
    unread.sent(64 * mib, false)
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(served).toBe(0)
  drain()
  await Promise.race(held)
  await new Promise((resolve) => setImmediate(resolve))
  // what the first was answered with has to be read before the second
  expect(served).toBe(1)
  drain()
  await Promise.all(held)
  expect(unread.isExhausted).toBe(false)
})

it.each([
  ['requests', capabilityLimits.maxPendingCalls, 10],
  ['arguments', 256, mib],
])('holds %s up to a bound, then refuses, and then it is enough', (_, count, bytes) => {
  const { unread } = createUnread()
  unread.sent(64 * mib, false)
  for (let held = 0; held < count; held++) void unread.room(request(bytes))
  expect(() => unread.room(request(bytes))).toThrow(expect.objectContaining({ code: 'CAPABILITY_ANSWERS_UNREAD' }))
  expect(unread.isExhausted).toBe(false)
  for (let refused = 0; refused < 64 * 2048; refused++) unread.sent(0, false)
  expect(unread.isExhausted).toBe(true)
})
