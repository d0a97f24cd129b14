import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Clock, sleep, systemClock, withDeadline } from './index.ts'

interface FakeTimer {
  readonly delayMs: number
  readonly fire: () => void
}

function createFakeClock(): Clock & { readonly timers: Set<FakeTimer> } {
  const timers = new Set<FakeTimer>()
  return {
    timers,
    now: () => 0,
    wallTimeMs: () => 0,
    setTimer(delayMs, fire) {
      const timer = { delayMs, fire }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
  }
}

describe('sleep', () => {
  it('waits on the clock given', async () => {
    const clock = createFakeClock()
    const sleeping = sleep(clock, 50)
    const [timer] = clock.timers
    expect(timer?.delayMs).toBe(50)
    timer?.fire()
    await sleeping
    expect(clock.timers.size).toBe(0)
  })

  it('is cancelled by its signal and leaves neither timer nor listener', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    const sleeping = sleep(clock, 50, { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    controller.abort('enough')
    await expect(sleeping).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    expect(clock.timers.size).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('removes its listener after a full sleep', async () => {
    const clock = createFakeClock()
    const { signal } = new AbortController()
    const sleeping = sleep(clock, 1, { signal })
    for (const timer of clock.timers) timer.fire()
    await sleeping
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('starts no timer when the signal has fired', async () => {
    const clock = createFakeClock()
    await expect(sleep(clock, 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(clock.timers.size).toBe(0)
  })
})

describe('withDeadline', () => {
  it('settles as the promise does and cancels the timer', async () => {
    const clock = createFakeClock()
    await expect(withDeadline(Promise.resolve(5), { clock, timeoutMs: 10, what: 'work' })).resolves.toBe(5)
    await expect(withDeadline(Promise.reject(new Error('no')), { clock, timeoutMs: 10, what: 'work' })).rejects.toThrow(
      'no',
    )
    expect(clock.timers.size).toBe(0)
  })

  it('rejects with TIMED_OUT when the time is over, and hides a later rejection', async () => {
    const clock = createFakeClock()
    const { promise, reject } = Promise.withResolvers<never>()
    const waiting = withDeadline(promise, { clock, timeoutMs: 10, what: 'work' })
    for (const timer of clock.timers) timer.fire()
    await expect(waiting).rejects.toMatchObject({ code: 'TIMED_OUT', message: 'work took longer than 10 ms' })
    reject(new Error('late'))
  })

  it.each([undefined, Infinity])('has no deadline for %s', async (timeoutMs) => {
    const clock = createFakeClock()
    const waiting = withDeadline(Promise.resolve(5), { clock, timeoutMs, what: 'work' })
    expect(clock.timers.size).toBe(0)
    await expect(waiting).resolves.toBe(5)
  })
})

describe('systemClock', () => {
  afterEach(() => void vi.useRealTimers())

  /** It keeps the timer functions that it found when it was loaded. */
  async function withFakeTimers(): Promise<Clock> {
    vi.useFakeTimers()
    vi.resetModules()
    return (await import('./clock.ts')).systemClock
  }

  it('tells time', () => {
    expect(Math.abs(systemClock.wallTimeMs() - Date.now())).toBeLessThan(1000)
    expect(systemClock.now()).toBeLessThanOrEqual(systemClock.now())
  })

  it('fires once, and not when cancelled', async () => {
    const clock = await withFakeTimers()
    const fired = vi.fn<() => void>()
    clock.setTimer(5, fired)
    clock.setTimer(5, fired).cancel()
    vi.advanceTimersByTime(20)
    expect(fired).toHaveBeenCalledTimes(1)
  })

  it('keeps delays that are too long for setTimeout', async () => {
    const clock = await withFakeTimers()
    const fired = vi.fn<() => void>()
    clock.setTimer(2 ** 31 + 5, fired)
    vi.advanceTimersByTime(2 ** 31 + 4)
    expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fired).toHaveBeenCalledTimes(1)
  })

  it('does not use what code that runs later puts in place of the timer functions', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    vi.stubGlobal('setTimeout', () => {})
    systemClock.setTimer(1, resolve)
    vi.unstubAllGlobals()
    expect(await promise).toBeUndefined()
  })
})
