import { defaultWorkerSettings, type WorkerMessage, parseWorkerMessage } from '@capsule/protocol'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { helloOf } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'

const code = 'display("shown"); display.html("<b>"); for (let i = 0; i < 1000; i++) progress(i); display(1).clear(); 2'

it.each(['threaded', 'async'] as const)('prints to a host without the features: %s', async (executor) => {
  const transport = spawnWorker({ executor })
  onTestFinished(async () => transport[Symbol.asyncDispose]())
  const ended = Promise.withResolvers<readonly WorkerMessage[]>()
  const received: WorkerMessage[] = []
  transport.start({
    message(raw) {
      const message = parseWorkerMessage(raw)
      if (message.type === 'unknown') return
      if (message.type === 'ready') {
        expect(message.features).not.toContain('display')
        transport.agree({ codec: message.codec, limits: message.limits })
      } else if (message.type !== 'heartbeat') received.push(message)
      if (message.type === 'result') ended.resolve(received)
    },
    end: () => ended.reject(new Error('the worker has ended')),
  })
  // what the release before this one says
  const hello = helloOf({ settings: defaultWorkerSettings, windowBytes: 100_000 })
  const features = ['output-credit', 'preemptive-cancel', 'sync-input', 'heartbeat', 'inspect']
  transport.send({ ...hello, features })
  transport.send({ type: 'execute', executionId: 'e', code })
  const messages = await waitFor(ended.promise, { deadlineMs: 10_000 })
  const printed = messages.map((message) => (message.type === 'output' ? message.text : '')).join('')
  expect(printed).toBe('shown\n[text/html]\n1\n')
  expect(new Set(messages.map(({ type }) => type))).toEqual(new Set(['ack', 'output', 'result']))
})
