import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { StreamMessage } from '@capsule/protocol'
import { createRecorder } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createStreamBatch } from './stream-batch.ts'
import { createStreamRelay } from './stream-relay.ts'

const credit = (bytes: number): StreamMessage => ({ type: 'stream-credit', streamId: 'w1', bytes })
const data = (bytes: Uint8Array): StreamMessage => ({ type: 'stream-data', streamId: 'w1', kind: 'bytes', data: bytes })

/** The relay between a transport that is welcome as the test says and a user side that the test is. */
function open() {
  const { port1, port2 } = new MessageChannel()
  const sent = createRecorder<StreamMessage>()
  const posted = createRecorder<true>()
  const transport = { isWelcome: true }
  const relay = createStreamRelay({
    port: port1,
    send(message) {
      sent.record(message)
      return transport.isWelcome
    },
    posted: () => posted.record(true),
  })
  onTestFinished(() => {
    relay.close()
    port1.close()
  })
  return { relay, sent, posted, transport, userPort: port2, batch: createStreamBatch(port2) }
}

it('brings what the host says in one turn as one batch, and tells of it', async () => {
  const { relay, posted, userPort } = open()
  relay.add(credit(1))
  relay.add(data(new Uint8Array([1, 2])))
  expect(receiveMessageOnPort(userPort)).toBeUndefined()
  await posted.waitForCount(1)
  expect(receiveMessageOnPort(userPort)?.message).toEqual([credit(1), data(new Uint8Array([1, 2]))])
  expect(receiveMessageOnPort(userPort)).toBeUndefined()
})

it('moves the memory of a frame, and copies out of memory that holds more', async () => {
  const { relay, posted, userPort } = open()
  const chunk = new Uint8Array(70_000).fill(1)
  const frame = new Uint8Array(60_060).fill(2)
  relay.add(data(chunk.subarray(5000, 65_000)))
  relay.add(data(frame.subarray(60)))
  await posted.waitForCount(1)
  expect([chunk.length, frame.length]).toEqual([70_000, 0])
  const messages = receiveMessageOnPort(userPort)?.message as { data: Uint8Array }[]
  expect(messages.map((message) => [message.data.length, message.data[0]])).toEqual([
    [60_000, 1],
    [60_000, 2],
  ])
})

it('holds what the transport does not welcome, in order', async () => {
  const { relay, sent, transport, batch } = open()
  transport.isWelcome = false
  for (const bytes of [1, 2, 3]) batch.add(credit(bytes))
  batch.post()
  await sent.waitForCount(1)
  batch.add(credit(4))
  batch.post()
  relay.takeIn()
  expect(sent.values).toEqual([credit(1)])
  relay.resume()
  expect(sent.values).toEqual([credit(1), credit(2)])
  transport.isWelcome = true
  relay.resume()
  expect(sent.values).toEqual([1, 2, 3, 4].map(credit))
})
