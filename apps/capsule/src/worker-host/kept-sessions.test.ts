import type { Session } from '@capsule/session'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { KeptSessions } from './kept-sessions.ts'

function open({ max = 2, idleMs = 1000 } = {}): {
  kept: KeptSessions
  clock: ReturnType<typeof createFakeClock>
  ended: number[]
} {
  const clock = createFakeClock()
  const ended: number[] = []
  let count = 0
  const session = (): Promise<Session> => {
    const sessionNumber = ++count
    const state = { isClosed: false }
    const shutdown = (): Promise<void> => {
      state.isClosed = true
      ended.push(sessionNumber)
      return Promise.resolve()
    }
    const info = (): object => ({ state: state.isClosed ? 'closed' : 'ready' })
    return Promise.resolve({ sessionId: String(sessionNumber), info, shutdown } as unknown as Session)
  }
  return { kept: new KeptSessions({ open: session, max, idleMs, clock }), clock, ended }
}

const idOf = (session: Session): Promise<string> => Promise.resolve(session.sessionId)
const mayOpen = { mayOpen: true }

it('opens a session once and finds it again', async () => {
  const { kept } = open()
  expect(await kept.use('a', mayOpen, idOf)).toBe('1')
  expect(await kept.use('a', { mayOpen: false }, idOf)).toBe('1')
  expect(await kept.use('b', { mayOpen: false }, idOf)).toBe(undefined)
})

it('opens one session for several that come at once', async () => {
  const { kept } = open()
  expect(await Promise.all([kept.use('a', mayOpen, idOf), kept.use('a', mayOpen, idOf)])).toEqual(['1', '1'])
})

it('ends the one that was idle longest for one more', async () => {
  const { kept, ended } = open()
  await kept.use('a', mayOpen, idOf)
  await kept.use('b', mayOpen, idOf)
  await kept.use('a', mayOpen, idOf)
  expect(await kept.use('c', mayOpen, idOf)).toBe('3')
  expect(ended).toEqual([2])
  expect(await kept.use('b', { mayOpen: false }, idOf)).toBe(undefined)
})

it('ends none that is in use: one more cannot be opened', async () => {
  const { kept, ended } = open({ max: 1 })
  await kept.use('a', mayOpen, async () => {
    await expect(kept.use('b', mayOpen, idOf)).rejects.toThrow('all 1 kept sessions')
  })
  expect(ended).toEqual([])
})

it('ends a session that is idle for too long, counted from its last use', async () => {
  const { kept, clock, ended } = open()
  await kept.use('a', mayOpen, idOf)
  clock.advance(900)
  await kept.use('a', mayOpen, idOf)
  clock.advance(900)
  expect(ended).toEqual([])
  clock.advance(200)
  expect(await kept.use('a', { mayOpen: false }, idOf)).toBe(undefined)
  expect(ended).toEqual([1])
})

it('forgets a session that has ended by itself', async () => {
  const { kept } = open()
  await kept.use('a', mayOpen, (session) => session.shutdown())
  expect(await kept.use('a', { mayOpen: false }, idOf)).toBe(undefined)
})
