import { type Interceptor, type SessionOptions } from '@capsule/session'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { echo, openSession } from './open-session.ts'

/** A session whose interceptor takes so many milliseconds for each `result`, and none for other messages. */
async function openWatched(
  tookMs: (result: number) => number,
  interceptorBudget: SessionOptions['interceptorBudget'] = {},
) {
  const clock = createFakeClock()
  let results = 0
  const reports: { name: string; reason: string }[] = []
  const others = { count: 0 }
  const interceptors: Interceptor[] = [
    {
      name: 'watched',
      received: (message) => void (message['type'] === 'result' && clock.advance(tookMs(++results))),
    },
    { name: 'beside', received: () => void others.count++ },
  ]
  const { session } = await openSession({ clock, interceptors, interceptorBudget }, echo)
  session.events.on('interceptor-quarantined', (report) => reports.push(report))
  const cells = async (count: number, gapMs: number): Promise<void> => {
    for (let cell = 0; cell < count; cell++) {
      await session.run('1')
      clock.advance(gapMs)
    }
  }
  return { session, clock, reports, others, cells, results: () => results }
}

it('forgives one message that a busy machine made slow, however slow', async () => {
  const { session, reports, cells } = await openWatched((result) => (result === 3 ? 5000 : 0.1))
  await cells(50, 1)
  expect(reports).toEqual([])
  expect(session.info().interceptors[0]).toMatchObject({ name: 'watched', maxMs: 5000 })
  expect(session.info().interceptors[0]?.quarantined).toBeUndefined()
})

it('catches one that takes a little for every message of a flood', async () => {
  const { session, reports, cells, others, results } = await openWatched(() => 4)
  await cells(100, 1)
  // 250 ms at first, of which each message takes 4 and gets 0.2 back
  expect(results()).toBe(66)
  const reason = 'it took more than 20 % of the time and a burst of 250 ms: 264.0 ms for 133 messages'
  expect(reports).toEqual([{ name: 'watched', reason }])
  expect(session.info().interceptors).toEqual([
    { name: 'watched', messages: 133, totalMs: 264, maxMs: 4, quarantined: reason },
    { name: 'beside', messages: others.count, totalMs: 0, maxMs: 0 },
  ])
  expect(others.count).toBeGreaterThan(199)
})

it('leaves one alone that takes as much and has the time for it', async () => {
  const { reports, cells } = await openWatched(() => 4)
  await cells(200, 20)
  expect(reports).toEqual([])
})

it('catches one that is slow for message after message', async () => {
  const clock = createFakeClock()
  const reasons: string[] = []
  const { session } = await openSession({ clock, interceptors: [{ name: 'slow', sent: () => clock.advance(6) }] }, echo)
  session.events.on('interceptor-quarantined', ({ reason }) => reasons.push(reason))
  for (let cell = 0; cell < 5; cell++) {
    await session.run('1')
    clock.advance(10_000)
  }
  expect(reasons).toEqual(['it took more than 5 ms for each of 3 messages in a row, the last 6.0 ms'])
  expect(session.info().interceptors[0]).toMatchObject({ messages: 3, totalMs: 18 })
})

it('holds a budget of its own choice, and refuses a malformed one', async () => {
  const { reports, cells } = await openWatched(() => 4, { perMessageMs: 100, burstMs: 20, share: 0 })
  await cells(10, 1000)
  expect(reports).toHaveLength(1)
  await expect(openWatched(() => 0, { share: 2 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  await expect(openWatched(() => 0, { burst: 2 } as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})
