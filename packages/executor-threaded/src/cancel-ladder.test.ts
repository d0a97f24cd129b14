import { createFakeClock } from '@capsule/testing'
import { describe, expect, it, vi } from 'vitest'
import { createCancelLadder } from './cancel-ladder.ts'
import type { InboxMessage } from './inbox.ts'
import type { Mailbox } from './mailbox.ts'
import { createSharedMemory, openSharedMemory, phase, word } from './shared-state.ts'

function open({ catchUp, inFlight = ['e'] }: { catchUp?: () => void; inFlight?: readonly string[] } = {}) {
  const shared = openSharedMemory(createSharedMemory())
  const clock = createFakeClock()
  const posted: InboxMessage[] = []
  const terminations: ((error: Error | null) => void)[] = []
  let done = 0
  const reposted = vi.fn<() => void>()
  const mailbox: Mailbox = {
    post: (inbox) => posted.push(inbox),
    isDone: (sequence) => done >= sequence,
    withdraw: () => {},
    repost: () => reposted(),
    waitingMs: 0,
  }
  const onTerminated = vi.fn<() => void>()
  const caughtUp = vi.fn<() => void>(() => catchUp?.())
  const ladder = createCancelLadder({
    shared,
    mailbox,
    clock,
    terminator: { terminate: (then) => void terminations.push(then), [Symbol.dispose]: () => {} },
    catchUp: caughtUp,
    onTerminated,
    inFlight: () => inFlight,
  })
  return {
    ladder,
    clock,
    posted,
    types: () => posted.map(({ type }) => type),
    terminations,
    reposted,
    onTerminated,
    caughtUp,
    /** The user side takes care of all that was posted. */
    takeAll: () => void (done = posted.length),
    phaseNow: () => Atomics.load(shared.words, word.phase),
    enter: (value: number) => void Atomics.store(shared.words, word.phase, value),
    cancel: (cooperativeMs = 30, executionId = 'e') =>
      ladder.cancel({ executionId, reason: 'cancelled', cooperativeMs }),
  }
}

it('asks first, and terminates when the cooperative time is over', () => {
  const bench = open()
  bench.cancel()
  expect(bench.posted).toEqual([{ type: 'cancel', executionId: 'e', reason: 'cancelled' }])
  bench.takeAll()
  bench.clock.advance(29)
  expect(bench.terminations).toHaveLength(0)
  bench.clock.advance(1)
  expect(bench.terminations).toHaveLength(1)
  expect(bench.phaseNow()).toBe(phase.terminating)
  bench.terminations[0]?.(null)
  expect(bench.phaseNow()).toBe(phase.user)
  expect(bench.reposted).toHaveBeenCalledTimes(1)
  expect(bench.onTerminated).toHaveBeenCalledTimes(1)
  expect(bench.posted.at(-1)).toEqual({ type: 'terminated', executionId: 'e', reason: 'cancelled', count: 1 })
})

it('terminates after 10 ms what has not even taken the cancel', () => {
  const bench = open()
  bench.cancel()
  bench.clock.advance(9)
  expect(bench.terminations).toHaveLength(0)
  bench.clock.advance(1)
  expect(bench.terminations).toHaveLength(1)
})

it('leaves alone what has settled in time', () => {
  const bench = open()
  bench.cancel()
  bench.takeAll()
  bench.clock.advance(10)
  bench.ladder.settled('e')
  bench.clock.advance(1000)
  expect(bench.terminations).toHaveLength(0)
  expect(bench.clock.pendingTimers).toBe(0)
})

it('calls the termination off when the ring turns out to hold the end', () => {
  const bench = open({ catchUp: () => bench.ladder.settled('e') })
  bench.cancel(0)
  bench.clock.advance(0)
  expect(bench.caughtUp).toHaveBeenCalled()
  expect(bench.terminations).toHaveLength(0)
  expect(bench.phaseNow()).toBe(phase.user)
  expect(bench.clock.pendingTimers).toBe(0)
})

it('never terminates the harness, but takes in what it may wait to write', () => {
  const bench = open()
  bench.enter(phase.harness)
  bench.cancel(0)
  bench.clock.advance(0)
  expect(bench.caughtUp).toHaveBeenCalledTimes(1)
  expect(bench.phaseNow()).toBe(phase.harness)
  bench.enter(phase.user)
  bench.clock.advance(15)
  expect(bench.terminations).toHaveLength(1)
})

it('terminates again every 15 ms until the cell has settled, one at a time', () => {
  const bench = open()
  bench.cancel(0)
  bench.clock.advance(60)
  expect(bench.terminations).toHaveLength(1)
  bench.terminations[0]?.(null)
  bench.clock.advance(15)
  expect(bench.terminations).toHaveLength(2)
  bench.terminations[1]?.(null)
  expect(bench.types().filter((type) => type === 'terminated')).toHaveLength(2)
  bench.ladder.settled('e')
  bench.clock.advance(1000)
  expect(bench.terminations).toHaveLength(2)
})

it('says nothing of a termination that was refused, and tries again', () => {
  const bench = open()
  bench.cancel(0)
  bench.clock.advance(0)
  bench.terminations[0]?.(new Error('another is under way'))
  expect(bench.phaseNow()).toBe(phase.user)
  expect(bench.reposted).toHaveBeenCalledTimes(1)
  expect(bench.onTerminated).not.toHaveBeenCalled()
  expect(bench.types()).not.toContain('terminated')
  bench.clock.advance(15)
  expect(bench.terminations).toHaveLength(2)
})

it('climbs once for one execution', () => {
  const bench = open()
  bench.cancel()
  bench.cancel()
  expect(bench.types()).toEqual(['cancel'])
})

it('unblocks a thread that does not answer, and stops when it does', () => {
  const bench = open()
  bench.ladder.unblock({ cooperativeMs: 30 })
  bench.ladder.unblock({ cooperativeMs: 30 })
  expect(bench.types()).toEqual(['ping'])
  bench.clock.advance(30)
  expect(bench.terminations).toHaveLength(1)
  bench.terminations[0]?.(null)
  bench.clock.advance(15)
  expect(bench.terminations).toHaveLength(2)
  bench.takeAll()
  bench.terminations[1]?.(null)
  bench.clock.advance(1000)
  expect(bench.terminations).toHaveLength(2)
  expect(bench.clock.pendingTimers).toBe(0)
})

it('does not terminate a thread that answers', () => {
  const bench = open()
  bench.ladder.unblock({ cooperativeMs: 30 })
  bench.takeAll()
  bench.clock.advance(1000)
  expect(bench.terminations).toHaveLength(0)
})

it('stops when it is disposed', () => {
  const bench = open()
  bench.cancel()
  bench.ladder.unblock({ cooperativeMs: 30 })
  bench.ladder[Symbol.dispose]()
  expect(bench.clock.pendingTimers).toBe(0)
})

describe('with another execution in flight', () => {
  const inFlight = ['e', 'innocent']

  it('gives a thread that has not taken the cancel the whole cooperative time: another may be in the way', () => {
    const bench = open({ inFlight })
    bench.cancel()
    bench.clock.advance(29)
    expect(bench.terminations).toHaveLength(0)
    bench.clock.advance(1)
    expect(bench.terminations).toHaveLength(1)
    expect(bench.types()).not.toContain('abandon')
  })

  it('leaves behind what has not ended, where the thread answers, and terminates nothing', () => {
    const bench = open({ inFlight })
    bench.cancel()
    bench.takeAll()
    bench.clock.advance(30)
    expect(bench.posted.at(-1)).toEqual({ type: 'abandon', executionId: 'e', reason: 'cancelled' })
    bench.takeAll()
    bench.ladder.settled('e')
    bench.clock.advance(1000)
    expect(bench.terminations).toHaveLength(0)
  })

  it('terminates when the thread does not answer that either', () => {
    const bench = open({ inFlight })
    bench.cancel()
    bench.takeAll()
    bench.clock.advance(59)
    expect(bench.terminations).toHaveLength(0)
    bench.clock.advance(1)
    expect(bench.terminations).toHaveLength(1)
  })

  it('spares nobody where all that run are cancelled', () => {
    const bench = open({ inFlight })
    bench.cancel()
    bench.cancel(30, 'innocent')
    bench.clock.advance(10)
    expect(bench.terminations).toHaveLength(1)
    bench.terminations[0]?.(null)
    expect(bench.posted.at(-1)).toMatchObject({ type: 'terminated', count: 1 })
  })
})
