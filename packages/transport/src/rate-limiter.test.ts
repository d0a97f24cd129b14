import { type Clock, coreErrors } from '@capsule/core'
import { expect, it } from 'vitest'
import { createRateLimiter } from './rate-limiter.ts'

it('lets a burst through, then refuses until time has passed', () => {
  const clock = createStepClock()
  const limiter = createRateLimiter({ ratePerSecond: 10, burst: 3, clock })
  expect([limiter.tryTake(), limiter.tryTake(2), limiter.tryTake()]).toEqual([true, true, false])
  clock.advance(99)
  expect(limiter.tryTake()).toBe(false)
  clock.advance(1)
  expect(limiter.tryTake()).toBe(true)
})

it('saves up no more than the burst', () => {
  const clock = createStepClock()
  const limiter = createRateLimiter({ ratePerSecond: 10, burst: 2, clock })
  clock.advance(60_000)
  expect([limiter.tryTake(2), limiter.tryTake()]).toEqual([true, false])
})

it('serves waiting callers in order, on time, and lets nobody overtake', async () => {
  const clock = createStepClock()
  const limiter = createRateLimiter({ ratePerSecond: 1000, burst: 5, clock })
  const served: string[] = []
  await limiter.take(5)
  const large = limiter.take(4).then(() => served.push(`large at ${clock.now()}`))
  const small = limiter.take(1).then(() => served.push(`small at ${clock.now()}`))
  clock.advance(3)
  expect(limiter.tryTake(1)).toBe(false)
  clock.advance(1)
  await large
  clock.advance(1)
  await small
  expect(served).toEqual(['large at 4', 'small at 5'])
})

it('gives up when the signal fires and serves the next', async () => {
  const clock = createStepClock()
  const limiter = createRateLimiter({ ratePerSecond: 1, burst: 2, clock })
  limiter.tryTake(1)
  const controller = new AbortController()
  const first = limiter.take(2, { signal: controller.signal })
  const second = limiter.take(1)
  controller.abort(new Error('enough'))
  await expect(first).rejects.toSatisfy((error) => coreErrors.CANCELLED.is(error))
  await second
})

it('refuses what could never be served', async () => {
  const clock = createStepClock()
  const limiter = createRateLimiter({ ratePerSecond: 1, burst: 2, clock })
  await expect(limiter.take(3)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  expect(limiter.tryTake(3)).toBe(false)
  expect(() => createRateLimiter({ ratePerSecond: 0, burst: 2, clock })).toThrow(/ratePerSecond/)
})

/** @capsule/testing is above this package, so its fake clock cannot be used here. */
function createStepClock(): Clock & { advance(delayMs: number): void } {
  const timers = new Map<() => void, number>()
  let nowMs = 0
  return {
    now: () => nowMs,
    wallTimeMs: () => nowMs,
    setTimer(delayMs, callback) {
      timers.set(callback, nowMs + delayMs)
      return { cancel: () => void timers.delete(callback) }
    },
    advance(delayMs) {
      nowMs += delayMs
      for (const [callback, dueAtMs] of timers) if (dueAtMs <= nowMs && timers.delete(callback)) callback()
    },
  }
}
