import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { type Blob, createOutbox, type OutboxMessage, readOutboxMessage } from './outbox.ts'
import { createRingReader, createRingWriter } from './ring.ts'
import { createSharedMemory, openSharedMemory } from './shared-state.ts'

function open() {
  const shared = openSharedMemory(createSharedMemory())
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const put = createOutbox(createRingWriter(shared), port1)
  const all: unknown[] = []
  const reader = createRingReader(shared, {
    text: () => {},
    message: (body) => all.push(readOutboxMessage(body)),
    blob: (sequence) => all.push({ blob: sequence, posted: receiveMessageOnPort(port2)?.message as Blob }),
  })
  const receive = (): unknown[] => {
    reader.drain(() => true)
    return all.splice(0)
  }
  return { put, receive }
}

const result = (more: object): OutboxMessage => ({
  type: 'result',
  executionId: 'e',
  cell: 1,
  mode: 'simple',
  executor: 'threaded',
  durationMs: 1.5,
  text: '1',
  ...more,
})

it('carries a small message through the ring', () => {
  const { put, receive } = open()
  put({ type: 'flush' })
  put(result({ truncated: true }))
  put(result({ tainted: true, text: '\ud800é\n"' }))
  expect(receive()).toEqual([
    { type: 'flush' },
    result({ truncated: true }),
    result({ tainted: true, text: '\ud800é\n"' }),
  ])
})

it('carries bytes beside the rest, and a copy of them', () => {
  const { put, receive } = open()
  const value = Uint8Array.from([0, 1, 254, 255])
  put(result({ value }))
  const [received] = receive() as { value: Uint8Array }[]
  put(result({ value: new Uint8Array(4) }))
  expect(received).toEqual(result({ value: Buffer.from(value) }))
})

it('carries bytes inside of an error', () => {
  const { put, receive } = open()
  const error = { name: '5', message: '5', thrown: Uint8Array.from([5]) }
  put({ type: 'error', terminal: false, executionId: 'e', error })
  expect(receive()).toEqual([{ type: 'error', terminal: false, executionId: 'e', error }])
})

it.each([
  ['a long value', { value: new Uint8Array(40_000).fill(7) }],
  ['a long text', { text: 'é'.repeat(20_000) }],
  ['a text and a value that are too long together', { text: 'x'.repeat(20_000), value: new Uint8Array(20_000) }],
])('posts %s and keeps its place', (_what, more) => {
  const { put, receive } = open()
  const expected = structuredClone(result(more))
  put({ type: 'flush' })
  put(result(more))
  put({ type: 'configured' })
  expect(receive()).toEqual([
    { type: 'flush' },
    { blob: 1, posted: { sequence: 1, message: expected } },
    { type: 'configured' },
  ])
})

it('moves a large value instead of copying it', () => {
  const { put, receive } = open()
  const value = new Uint8Array(40_000).fill(7)
  put(result({ value }))
  expect(value.length).toBe(0)
  expect(receive()).toMatchObject([{ posted: { message: { value: new Uint8Array(40_000).fill(7) } } }])
})

it('asks no toJSON of a cell', () => {
  const { put, receive } = open()
  const prototype = Object.prototype as { toJSON?: () => unknown }
  prototype.toJSON = () => 5
  try {
    put(result({}))
  } finally {
    delete prototype.toJSON
  }
  expect(receive()).toEqual([{ blob: 1, posted: { sequence: 1, message: result({}) } }])
})
