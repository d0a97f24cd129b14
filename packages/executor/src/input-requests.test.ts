import { coreErrors } from '@capsule/core'
import type { InputRequestMessage } from '@capsule/protocol'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { createInputRequests } from './input-requests.ts'

function open() {
  const clock = createFakeClock()
  const emitted: InputRequestMessage[] = []
  const listeners = new Set<(error: Error) => void>()
  const bench = { current: 'e1' as string | undefined, running: true }
  const requests = createInputRequests({
    clock,
    emit: (message) => void emitted.push(message),
    currentExecutionId: () => bench.current,
    isRunning: () => bench.running,
    onCancel: (_executionId, listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
  return Object.assign(bench, { clock, emitted, listeners, requests })
}

const reply = (inputId: string, answer: { kind: 'text'; text: string } | { kind: 'eof' }, executionId = 'e1') =>
  ({ type: 'input-response', executionId, inputId, answer }) as const

it('resolves with the text, and releases its timer and listener', async () => {
  const bench = open()
  const answer = bench.requests.input('name?', { secret: true, timeoutMs: 50 })
  expect(bench.emitted).toEqual([
    { type: 'input-request', executionId: 'e1', inputId: 'input-1', prompt: 'name?', secret: true, timeoutMs: 50 },
  ])
  expect(bench.requests.pending).toEqual(bench.emitted)
  expect(bench.requests.respond(reply('input-1', { kind: 'text', text: 'no' }, 'e2'))).toBe(false)
  expect(bench.requests.respond(reply('input-1', { kind: 'text', text: 'Ada' }))).toBe(true)
  expect(await answer).toBe('Ada')
  expect(bench.requests.respond(reply('input-1', { kind: 'eof' }))).toBe(false)
  expect([bench.clock.pendingTimers, bench.listeners.size, bench.requests.pending.length]).toEqual([0, 0, 0])
})

it('rejects with a code of its own for each end', async () => {
  const bench = open()
  const ended = bench.requests.input()
  bench.requests.respond(reply('input-1', { kind: 'eof' }))
  await expect(ended).rejects.toMatchObject({ code: 'INPUT_EOF' })
  const slow = bench.requests.input('', { timeoutMs: 50 })
  bench.clock.advance(50)
  await expect(slow).rejects.toMatchObject({ code: 'TIMED_OUT', details: { timeoutMs: 50 } })
  const cancelled = bench.requests.input()
  const reason = coreErrors.CANCELLED({ what: 'the cell' })
  for (const listener of bench.listeners) listener(reason)
  await expect(cancelled).rejects.toBe(reason)
  const closed = bench.requests.input()
  bench.requests.close('e1')
  await expect(closed).rejects.toMatchObject({ code: 'CANCELLED' })
})

it('refuses questions outside of a running cell', async () => {
  const bench = open()
  bench.running = false
  await expect(bench.requests.input()).rejects.toMatchObject({ code: 'INPUT_OUTSIDE_CELL' })
  bench.current = undefined
  expect(() => bench.requests.open()).toThrow('outside of a cell')
  expect(bench.emitted).toEqual([])
})

it('lends open and take to a caller that blocks by itself', () => {
  const bench = open()
  const { inputId } = bench.requests.open('line?')
  expect(bench.requests.respond(reply(inputId, { kind: 'text', text: 'x' }))).toBe(false)
  expect(bench.requests.take(reply(inputId, { kind: 'text', text: 'x' }))).toBe('x')
  const second = bench.requests.open()
  expect(() => bench.requests.take(reply(second.inputId, { kind: 'eof' }))).toThrow('no more input')
  bench.requests.abandon(bench.requests.open().inputId)
  expect(bench.requests.pending).toEqual([])
})
