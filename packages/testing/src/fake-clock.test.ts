import { sleep } from '@capsule/core'
import { expect, it } from 'vitest'
import { createFakeClock } from './fake-clock.ts'

it('calls due timers in the order of their times, each at its own time', () => {
  const clock = createFakeClock()
  const calls: string[] = []
  clock.setTimer(20, () => calls.push(`b at ${clock.now()}`))
  clock.setTimer(10, () => {
    calls.push(`a at ${clock.now()}`)
    clock.setTimer(5, () => calls.push(`nested at ${clock.now()}`))
  })
  clock.setTimer(10, () => {}).cancel()
  clock.setTimer(31, () => calls.push('too late'))
  clock.advance(30)
  expect(calls).toEqual(['a at 10', 'nested at 15', 'b at 20'])
  expect(clock.now()).toBe(30)
  expect(clock.pendingTimers).toBe(1)
})

it('tells when enough timers are set', async () => {
  const clock = createFakeClock()
  const bothSet = clock.timerSet(2)
  const sleeps = Promise.all([sleep(clock, 5), sleep(clock, 10)])
  await bothSet
  clock.advance(10)
  await sleeps
  expect(clock.pendingTimers).toBe(0)
})
