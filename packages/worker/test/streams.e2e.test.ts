import { defaultWorkerSettings, hostFeatures, parseWorkerMessage, type WorkerMessage } from '@capsule/protocol'
import { createRecorder } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { isTerminalOf, openWorker } from './open-worker.ts'
import { helloOf } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'

it.each(['threaded', 'async'] as const)('answers for channels of reserved names by itself: %s', async (executor) => {
  const transport = spawnWorker({ executor })
  onTestFinished(async () => transport[Symbol.asyncDispose]())
  const received = createRecorder<WorkerMessage>()
  transport.start({
    message(raw) {
      const message = parseWorkerMessage(raw)
      if (message.type === 'unknown') return
      if (message.type === 'ready') transport.agree({ codec: message.codec, limits: message.limits })
      received.record(message)
    },
    end: () => {},
  })
  const features = [...hostFeatures]
  transport.send({ ...helloOf({ settings: defaultWorkerSettings, windowBytes: 100_000 }), features })
  const ready = await received.waitFor(({ type }) => type === 'ready', { deadlineMs: 10_000 })
  expect(ready).toMatchObject({ features: expect.arrayContaining(['streams']) })
  if (executor === 'threaded') transport.send({ type: 'execute', executionId: 'e', code: 'for (;;) {}' })
  transport.send({ type: 'stream-open', streamId: 'h1', name: 'capsule:test', windowBytes: 1000 })
  transport.send({ type: 'stream-close', streamId: 'h1', side: 'read' })
  const answer = await received.waitFor(({ type }) => type.startsWith('stream-'))
  expect(answer).toEqual({ type: 'stream-close', streamId: 'h1', side: 'write' })
})

// what the release before this one offers
it.each(['threaded', 'async'] as const)('says in the cell that its host knows no streams: %s', async (executor) => {
  const { worker, messages } = await openWorker({ executor })
  expect(worker.ready.features).not.toContain('streams')
  await worker.execute({ type: 'execute', executionId: 'e', code: 'capsule.stream("a")' })
  expect(await messages.waitFor(isTerminalOf('e'))).toMatchObject({
    status: 'error',
    error: { code: 'STREAMS_UNAVAILABLE' },
  })
})
