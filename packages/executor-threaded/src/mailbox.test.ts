import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { createFakeClock } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createMailbox } from './mailbox.ts'
import { createSharedMemory, openSharedMemory, word } from './shared-state.ts'

function open() {
  const shared = openSharedMemory(createSharedMemory())
  const clock = createFakeClock()
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const arrived = (): unknown[] => {
    const all: unknown[] = []
    for (let next = receiveMessageOnPort(port2); next !== undefined; next = receiveMessageOnPort(port2)) {
      all.push(next.message)
    }
    return all
  }
  const takeCareUpTo = (sequence: number) => Atomics.store(shared.words, word.inboxDone, sequence)
  return { mailbox: createMailbox(shared, port1, clock), clock, arrived, takeCareUpTo, shared }
}

const ping = { type: 'ping' } as const
const exit = { type: 'exit', code: 0 } as const

it('numbers what it posts and wakes a reader', () => {
  const { mailbox, arrived, shared } = open()
  const before = Atomics.load(shared.words, word.wake)
  expect([mailbox.post(ping), mailbox.post(exit)]).toEqual([1, 2])
  expect(arrived()).toEqual([
    { sequence: 1, inbox: ping },
    { sequence: 2, inbox: exit },
  ])
  expect(Atomics.load(shared.words, word.wake)).toBe(before + 2)
})

it('knows what was taken care of', () => {
  const { mailbox, takeCareUpTo } = open()
  mailbox.post(ping)
  mailbox.post(ping)
  expect([mailbox.isDone(1), mailbox.isDone(2)]).toEqual([false, false])
  takeCareUpTo(1)
  expect([mailbox.isDone(1), mailbox.isDone(2)]).toEqual([true, false])
})

it('posts again only what was not taken care of, in order', () => {
  const { mailbox, arrived, takeCareUpTo } = open()
  for (let count = 0; count < 4; count++) mailbox.post(ping)
  arrived()
  takeCareUpTo(2)
  mailbox.repost()
  expect(arrived()).toEqual([
    { sequence: 3, inbox: ping },
    { sequence: 4, inbox: ping },
  ])
})

it('posts a ping in the place of what was withdrawn', () => {
  const { mailbox, arrived } = open()
  mailbox.withdraw(mailbox.post(exit))
  mailbox.post(exit)
  arrived()
  mailbox.repost()
  expect(arrived()).toEqual([
    { sequence: 1, inbox: ping },
    { sequence: 2, inbox: exit },
  ])
})

it('tells how long the oldest has waited', () => {
  const { mailbox, clock, takeCareUpTo } = open()
  expect(mailbox.waitingMs).toBe(0)
  mailbox.post(ping)
  clock.advance(30)
  mailbox.post(ping)
  clock.advance(5)
  expect(mailbox.waitingMs).toBe(35)
  takeCareUpTo(1)
  expect(mailbox.waitingMs).toBe(5)
  takeCareUpTo(2)
  expect(mailbox.waitingMs).toBe(0)
})
