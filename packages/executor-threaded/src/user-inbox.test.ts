import { MessageChannel } from 'node:worker_threads'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createHarness } from './harness.ts'
import type { Envelope, InboxMessage } from './inbox.ts'
import { createSharedMemory, openSharedMemory, phase, word } from './shared-state.ts'
import { type AfterHarness, createUserInbox } from './user-inbox.ts'

const message = (code: number): InboxMessage => ({ type: 'exit', code })
const envelope = (sequence: number): Envelope => ({ sequence, inbox: message(sequence) })

function open(handle?: (code: number) => AfterHarness) {
  const shared = openSharedMemory(createSharedMemory())
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const handled: number[] = []
  const inbox = createUserInbox(shared, port2, createHarness(shared), (taken) => {
    if (taken.type !== 'exit') throw new Error('not posted here')
    handled.push(taken.code)
    return handle?.(taken.code)
  })
  const takeIn = (...sequences: number[]): void => {
    for (const sequence of sequences) port1.postMessage(envelope(sequence))
    inbox.waitAndTakeIn(0)
  }
  return { shared, inbox, handled, takeIn, done: () => Atomics.load(shared.words, word.inboxDone) }
}

it('handles each message once, however often it is posted', () => {
  const { handled, takeIn, done } = open()
  takeIn(1, 2)
  takeIn(1, 2, 3)
  expect(handled).toEqual([1, 2, 3])
  expect(done()).toBe(3)
})

it('handles nothing behind a message that a termination has swallowed, until it is posted again', () => {
  const { handled, takeIn, done } = open()
  takeIn(1)
  // 2 is lost
  takeIn(3)
  expect(done()).toBe(1)
  takeIn(2, 3)
  expect(handled).toEqual([1, 2, 3])
})

it('counts a message whose handler throws as taken care of', () => {
  const { handled, takeIn, done } = open((code) => {
    if (code === 1) throw new Error('broken')
    return undefined
  })
  expect(() => takeIn(1, 2)).toThrow('broken')
  takeIn()
  expect(handled).toEqual([1, 2])
  expect(done()).toBe(2)
})

it('handles in the harness and does what is left as user code', () => {
  const phases: number[] = []
  const { shared, takeIn } = open(() => {
    phases.push(Atomics.load(shared.words, word.phase))
    return () => void phases.push(Atomics.load(shared.words, word.phase))
  })
  takeIn(1)
  expect(phases).toEqual([phase.harness, phase.user])
})

it('does all that is left, also when one of it throws', () => {
  const ran: number[] = []
  const { takeIn } = open((code) => () => {
    ran.push(code)
    if (code === 1) throw new Error('left')
  })
  expect(() => takeIn(1, 2)).toThrow('left')
  expect(ran).toEqual([1, 2])
})

it('takes in what comes through the event loop', async () => {
  const shared = openSharedMemory(createSharedMemory())
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const handled = Promise.withResolvers<InboxMessage>()
  createUserInbox(shared, port2, createHarness(shared), (inbox) => handled.resolve(inbox) as undefined)
  port1.postMessage(envelope(1))
  expect(await waitFor(handled.promise)).toEqual(message(1))
})
