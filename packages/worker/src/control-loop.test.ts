import { type Executor, executorErrors, type ExecutorMessage } from '@capsule/executor'
import {
  decodeRestoreAnswer,
  decodeSnapshot,
  defaultLimits,
  defaultWorkerSettings,
  type HelloMessage,
  type HostMessage,
  type InspectAnswer,
  parseWorkerMessage,
  protocolVersion,
  type StreamMessage,
  streamSizes,
  type WorkerMessage,
} from '@capsule/protocol'
import { createFakeClock, createRecorder, waitFor } from '@capsule/testing'
import { createMemoryTransportPair, createStreamHub, type StreamHub, type TransportEnd } from '@capsule/transport'
import { expect, it, onTestFinished } from 'vitest'
import { runControlLoop } from './control-loop.ts'
import type { ExecutorStart } from './control-loop-options.ts'

const hello: HelloMessage = {
  type: 'hello',
  protocol: protocolVersion,
  codecs: ['json'],
  features: ['output-credit', 'heartbeat'],
  limits: defaultLimits,
  settings: {},
  outputWindowBytes: 1000,
}
const result = (executionId: string, text = '1'): ExecutorMessage => ({
  type: 'result',
  executionId,
  cell: 3,
  mode: 'simple',
  executor: 'fake',
  durationMs: 2,
  output: { bytes: 4, droppedBytes: 0, droppedChunks: 0 },
  text,
})
const execute = (executionId: string): HostMessage => ({ type: 'execute', executionId, code: '1' })

/** The loop with a host that says what the test says, and an executor that does what the test says. */
function open({ isHeld = false }: { isHeld?: boolean } = {}) {
  const { host, worker } = createMemoryTransportPair<HostMessage, WorkerMessage>()
  const clock = createFakeClock()
  const received = createRecorder<WorkerMessage>()
  const calls = createRecorder<string>()
  const exits = createRecorder<number>()
  const ends = createRecorder<TransportEnd>()
  const starts = createRecorder<ExecutorStart>()
  const created = Promise.withResolvers<void>()
  if (!isHeld) created.resolve()
  const drained = Promise.withResolvers<void>()
  let answer: InspectAnswer = { what: 'completeness', status: 'complete' }
  const forExecutor = createRecorder<StreamMessage>()
  const running: string[] = []
  let onStream = (_message: StreamMessage): void => {}
  const call =
    (name: string) =>
    (value?: unknown): void =>
      calls.record(`${name} ${JSON.stringify(value) ?? ''}`.trim())
  const executor: Executor = {
    name: 'fake',
    abilities: { preemptive: true, syncInput: true, concurrent: false },
    execute({ executionId }) {
      if (running.length > 0) throw executorErrors.EXECUTOR_BUSY({ running, limit: 1 })
      running.push(executionId)
      calls.record(`execute ${executionId}`)
    },
    respond: call('respond'),
    grant: call('grant'),
    cancel: call('cancel'),
    interrupt: call('interrupt'),
    inspect: () => Promise.resolve(answer),
    capture: () => Promise.resolve({ snapshotVersion: 1, cells: 2, report: [], payload: new Uint8Array([7]) }),
    restore: (payload, mode) => {
      calls.record(`restore ${payload.join()} ${mode}`)
      return Promise.resolve({ kind: 'restored', report: [] })
    },
    reset: ({ cooperativeMs }) => {
      calls.record(`reset ${cooperativeMs}`)
      return Promise.resolve({ kind: 'reset', left: ['x'] })
    },
    credit: call('credit'),
    stream: forExecutor.record,
    stats: () => ({ executionIds: running, bindings: 5, heapUsedBytes: 7, eventLoopDelayMs: 6 }),
    drain: (options) => {
      calls.record(`drain ${options.graceMs}`)
      return drained.promise
    },
    [Symbol.asyncDispose]: () => Promise.resolve(calls.record('dispose')),
  }
  runControlLoop({
    transport: worker,
    clock,
    createExecutor: async (start) => {
      starts.record(start)
      await created.promise
      return { executor, routes: ['threaded', 'async'], resume: call('resume'), exit: exits.record }
    },
    exit: exits.record,
    onHostGone: ends.record,
  })
  host.start({
    message(raw) {
      const message = parseWorkerMessage(raw)
      if (message.type !== 'unknown') received.record(message)
      if (isStream(message)) onStream(message)
      // the host has to read on as agreed
      if (message.type === 'ready') host.agree(message)
    },
    end: () => {},
  })
  onTestFinished(async () => host[Symbol.asyncDispose]())
  return {
    host,
    clock,
    received,
    calls,
    exits,
    ends,
    starts,
    forExecutor,
    onStream: (listener: typeof onStream) => void (onStream = listener),
    create: () => created.resolve(),
    drainNow: () => drained.resolve(),
    answerWith: (next: InspectAnswer) => void (answer = next),
    /** Sends as the executor does. */
    emit: (message: ExecutorMessage) => starts.values[0]?.send(message),
    settled: (executionId: string) => void running.splice(running.indexOf(executionId), 1),
    types: () => received.values.map(({ type }) => type),
    async greet(more: Partial<HelloMessage> = {}) {
      host.send({ ...hello, ...more })
      return received.waitFor(({ type }) => type === 'ready')
    },
  }
}

function isStream(message: { type: string }): message is StreamMessage {
  return message.type.startsWith('stream-')
}

it('answers hello with what was agreed and what is in effect', async () => {
  const bench = open()
  const ready = await bench.greet({ settings: { textLength: 9 }, features: ['output-credit', 'unheard-of'] })
  expect(ready).toMatchObject({
    codec: 'json',
    features: ['output-credit'],
    limits: defaultLimits,
    settings: { ...defaultWorkerSettings, textLength: 9 },
    executors: ['threaded', 'async'].map((name) => ({ name, preemptive: true, syncInput: true, concurrent: false })),
    pid: process.pid,
    nodeVersion: process.version,
  })
  expect(bench.starts.values).toMatchObject([{ windowBytes: 1000 }])
})

it.each([
  ['what the host asks for', ['concurrency'], 3, 3],
  ['one, where the host does not know better', ['concurrency'], undefined, 1],
  ['one, where the host asks for none', ['concurrency'], 0, 1],
  ['one, where that is not agreed', [], 3, 1],
])('runs so many cells at once: %s', async (_name, features, maxConcurrentExecutions, maxConcurrent) => {
  const bench = open()
  const ready = await bench.greet({ features, maxConcurrentExecutions })
  expect(bench.starts.values).toMatchObject([{ maxConcurrent }])
  // the executor of this bench cannot
  expect(ready).toMatchObject({ features: [] })
})

it('waits for no credit that the host does not give', async () => {
  const bench = open()
  await bench.greet({ features: [] })
  expect(bench.starts.values).toMatchObject([{ windowBytes: Infinity }])
})

it('cuts output so that it fits into the frames that were agreed', async () => {
  const bench = open()
  const ready = await bench.greet({ limits: { frameBytes: 16_384, depth: 64 } })
  if (ready.type !== 'ready') throw new Error('not ready')
  const { outputChunkBytes } = ready.settings
  bench.emit({ type: 'output', executionId: 'x'.repeat(128), stream: 'stdout', text: '\0'.repeat(outputChunkBytes) })
  expect(await bench.received.waitFor(({ type }) => type === 'output')).toBeDefined()
})

it('refuses a hello of another major version, tells why and exits with 65', async () => {
  const bench = open()
  bench.host.send({ ...hello, protocol: { major: 99, minor: 0 } })
  await bench.exits.waitForCount(1)
  expect(bench.exits.values).toEqual([65])
  expect(bench.received.values).toMatchObject([
    { type: 'error', terminal: false, error: { code: 'PROTOCOL_MISMATCH' } },
  ])
  expect(bench.starts.values).toEqual([])
  expect(bench.ends.values).toEqual([])
})

it('exits with 65 when the executor cannot be built', async () => {
  const { host, worker } = createMemoryTransportPair<HostMessage, WorkerMessage>()
  onTestFinished(async () => host[Symbol.asyncDispose]())
  const received = createRecorder<unknown>()
  const exits = createRecorder<number>()
  const createExecutor = () => Promise.reject(new Error('no engine'))
  runControlLoop({ transport: worker, clock: createFakeClock(), createExecutor, exit: exits.record, onHostGone() {} })
  host.start({ message: received.record, end: () => {} })
  host.send(hello)
  await exits.waitForCount(1)
  expect(exits.values).toEqual([65])
  expect(received.values).toMatchObject([{ type: 'error', terminal: false, error: { message: 'no engine' } }])
})

it('ignores what comes before hello, and a second hello', async () => {
  const bench = open()
  bench.host.send(execute('early'))
  await bench.greet()
  bench.host.send(hello)
  bench.host.send(execute('e'))
  await bench.calls.waitForCount(1)
  expect(bench.calls.values).toEqual(['execute e'])
  expect(bench.types().filter((type) => type === 'ready')).toHaveLength(1)
})

it('keeps what comes while it starts, in order', async () => {
  const bench = open({ isHeld: true })
  bench.host.send(hello)
  await bench.starts.waitForCount(1)
  bench.host.send(execute('e'))
  bench.host.send({ type: 'cancel', executionId: 'e', reason: 'cancelled', cooperativeMs: 5 })
  bench.host.send({ type: 'stream-credit', streamId: 'output', bytes: 7 })
  bench.create()
  await bench.calls.waitForCount(3)
  expect(bench.calls.values.map((call) => call.split(' ')[0])).toEqual(['execute', 'cancel', 'credit'])
  expect(bench.types()[0]).toBe('ready')
})

it('hands each message to the executor', async () => {
  const bench = open()
  await bench.greet()
  const response = { type: 'input-response', executionId: 'e', inputId: 'i', answer: { kind: 'eof' } } as const
  const interrupt = { type: 'interrupt', cooperativeMs: 5 } as const
  bench.host.send(response)
  bench.host.send(interrupt)
  bench.host.send({ type: 'stream-credit', streamId: 'output', bytes: 7 })
  bench.host.send({ type: 'stream-credit', streamId: 'another', bytes: 8 })
  bench.host.send({ type: 'inspect', requestId: 'r', query: { what: 'namespace' } })
  expect(await bench.received.waitFor(({ type }) => type === 'inspect-result')).toMatchObject({ requestId: 'r' })
  expect(bench.calls.values).toEqual([
    `respond ${JSON.stringify(response)}`,
    `interrupt ${JSON.stringify(interrupt)}`,
    'credit 7',
  ])
})

it('ignores messages that it does not know', async () => {
  const bench = open()
  await bench.greet()
  bench.host.send({ type: 'from-the-future', executionId: 'e' } as never)
  bench.host.send(execute('e'))
  await bench.calls.waitForCount(1)
  expect(bench.exits.values).toEqual([])
})

it('ends on a message that it knows and cannot read', async () => {
  const bench = open()
  await bench.greet()
  bench.host.send({ type: 'cancel', executionId: 5 } as never)
  await bench.exits.waitForCount(1)
  expect(bench.exits.values).toEqual([65])
  expect(bench.received.values.at(-1)).toMatchObject({ terminal: false, error: { code: 'INVALID_MESSAGE' } })
  expect(bench.calls.values).toEqual(['dispose'])
  expect(bench.clock.pendingTimers).toBe(0)
})

it('acknowledges an execution before anything else of it', async () => {
  const bench = open()
  await bench.greet()
  bench.host.send(execute('e'))
  await bench.calls.waitForCount(1)
  bench.emit({ type: 'output', executionId: 'e', stream: 'stdout', text: 'x' })
  bench.emit(result('e'))
  await bench.received.waitFor(({ type }) => type === 'result')
  expect(bench.types()).toEqual(['ready', 'ack', 'output', 'result'])
})

it('acknowledges a cell that says nothing', async () => {
  const bench = open()
  await bench.greet({ settings: { heartbeatMs: 0 } })
  bench.host.send(execute('e'))
  await bench.calls.waitForCount(1)
  bench.clock.advance(1000)
  expect(await bench.received.waitFor(({ type }) => type === 'ack')).toEqual({ type: 'ack', executionId: 'e' })
})

it('ends an execution that the executor refuses', async () => {
  const bench = open()
  await bench.greet()
  bench.host.send(execute('e'))
  bench.host.send(execute('f'))
  const end = await bench.received.waitFor(({ type }) => type === 'error')
  expect(end).toMatchObject({ terminal: true, executionId: 'f', status: 'error', error: { code: 'EXECUTOR_BUSY' } })
  const acknowledged = bench.received.values.filter(({ type }) => type === 'ack')
  expect(acknowledged).toMatchObject([{ executionId: 'e' }, { executionId: 'f' }])
})

it('puts an error in the place of a result over the limits, with what is known of it', async () => {
  const bench = open()
  await bench.greet({ limits: { frameBytes: 20_000, depth: 64 } })
  bench.emit(result('e', 'x'.repeat(30_000)))
  bench.emit({ type: 'output', executionId: 'e', stream: 'stdout', text: 'later', late: true })
  await bench.received.waitFor(({ type }) => type === 'output')
  expect(bench.received.values.slice(1)).toMatchObject([
    {
      type: 'error',
      terminal: true,
      executionId: 'e',
      status: 'error',
      cell: 3,
      durationMs: 2,
      output: { bytes: 4 },
      error: { code: 'FRAME_TOO_LARGE' },
    },
    { type: 'output' },
  ])
})

it('keeps an uncaught error over the limits from ending the execution', async () => {
  const bench = open()
  await bench.greet({ limits: { frameBytes: 20_000, depth: 64 } })
  const error = { name: 'Error', message: 'x'.repeat(30_000) }
  bench.emit({ type: 'error', terminal: false, executionId: 'e', error })
  bench.emit(result('e'))
  await bench.received.waitFor(({ type }) => type === 'result')
  expect(bench.received.values.slice(1)).toMatchObject([
    { type: 'error', terminal: false, executionId: 'e', error: { code: 'FRAME_TOO_LARGE' } },
    { type: 'result' },
  ])
})

it('keeps the status of a cancelled cell whose error is over the limits', async () => {
  const bench = open()
  await bench.greet({ limits: { frameBytes: 20_000, depth: 64 } })
  const { text: _text, type: _type, ...settlement } = result('e') as Extract<ExecutorMessage, { type: 'result' }>
  const error = { name: 'Error', message: 'x'.repeat(30_000) }
  bench.emit({ ...settlement, type: 'error', terminal: true, status: 'timed-out', rung: 1, error })
  const end = await bench.received.waitFor(({ type }) => type === 'error')
  expect(end).toMatchObject({ status: 'timed-out', rung: 1, cell: 3, error: { code: 'FRAME_TOO_LARGE' } })
})

it('asks with a shorter prompt, and answers an inspection over the limits with the failure', async () => {
  const bench = open()
  await bench.greet({ limits: { frameBytes: 20_000, depth: 64 } })
  bench.emit({ type: 'input-request', executionId: 'e', inputId: 'i', prompt: '?'.repeat(30_000) })
  const request = await bench.received.waitFor(({ type }) => type === 'input-request')
  expect(request).toMatchObject({ prompt: `${'?'.repeat(1000)}…` })
  const bindings = Array.from({ length: 1000 }, (_, index) => ({ name: `name${index}`, kind: 'const', type: 'number' }))
  bench.answerWith({ what: 'namespace', bindings } as never)
  bench.host.send({ type: 'inspect', requestId: 'r', query: { what: 'namespace' } })
  const answered = await bench.received.waitFor(({ type }) => type === 'inspect-result')
  expect(answered).toMatchObject({ answer: { what: 'failure', error: { code: 'FRAME_TOO_LARGE' } } })
})

it('tells the executor when the transport takes messages again', async () => {
  const bench = open()
  await bench.greet()
  bench.host.pause()
  const text = 'x'.repeat(60_000)
  const sends = Array.from({ length: 30 }, () =>
    bench.emit({ type: 'output', executionId: 'e', stream: 'stdout', text }),
  )
  expect(sends).toContain(false)
  expect(bench.calls.values).toEqual([])
  bench.host.resume()
  await bench.calls.waitFor((call) => call === 'resume')
})

it('beats as often as it was told, with figures and what runs', async () => {
  const bench = open()
  await bench.greet({ settings: { heartbeatMs: 50 } })
  bench.host.send(execute('e'))
  await bench.calls.waitForCount(1)
  bench.clock.advance(49)
  bench.clock.advance(1)
  bench.clock.advance(50)
  const beats = await bench.received
    .waitFor((message) => message.type === 'heartbeat' && message.sequence === 2)
    .then(() => bench.received.values.filter(({ type }) => type === 'heartbeat'))
  expect(beats).toMatchObject([
    { sequence: 1, bindings: 5, heapUsedBytes: 7, eventLoopDelayMs: 6, executionId: 'e' },
    { sequence: 2, bindings: 5, heapUsedBytes: 7, eventLoopDelayMs: 6, executionId: 'e' },
  ])
  for (const beat of beats) expect(beat).toMatchObject({ rssBytes: expect.any(Number), cpuMs: expect.any(Number) })
})

it('does not beat when it was told so', async () => {
  const bench = open()
  await bench.greet({ settings: { heartbeatMs: 0 } })
  expect(bench.clock.pendingTimers).toBe(0)
})

it('drains before it exits on shutdown', async () => {
  const bench = open()
  await bench.greet()
  bench.host.send({ type: 'shutdown', graceMs: 250 })
  await bench.calls.waitFor((call) => call === 'drain 250')
  expect(bench.exits.values).toEqual([])
  bench.drainNow()
  await bench.exits.waitForCount(1)
  expect(bench.exits.values).toEqual([0])
})

it('stops when the host is gone, and says so once', async () => {
  const bench = open()
  await bench.greet()
  await bench.host.close()
  await bench.ends.waitForCount(1)
  expect(bench.ends.values).toEqual([{ reason: 'eof' }])
  expect(bench.calls.values).toEqual(['dispose'])
  expect(bench.clock.pendingTimers).toBe(0)
})

it('serves nobody when the host is gone before it has started', async () => {
  const bench = open({ isHeld: true })
  bench.host.send(hello)
  await bench.starts.waitForCount(1)
  await bench.host.close()
  await bench.ends.waitForCount(1)
  bench.create()
  await bench.calls.waitFor((call) => call === 'dispose')
  expect(bench.clock.pendingTimers).toBe(0)
})

it('is the other end of channels with a reserved name, and brings the others to the executor', async () => {
  const bench = open()
  await bench.greet({ features: ['streams'] })
  const hub = hubOf(bench)
  void hub.stream('cells').write('for the executor')
  const ours = hub.stream('capsule:blob')
  const theirs = bench.starts.values[0]?.streams.stream('capsule:blob')
  const blob = new Uint8Array(3_000_000).map((_, index) => index % 251)
  const sending = ours.write(blob).then(() => ours.end())
  const received: Uint8Array[] = []
  for await (const chunk of theirs ?? []) received.push(chunk as Uint8Array)
  await waitFor(sending)
  expect(Buffer.concat(received).equals(blob)).toBe(true)
  await waitFor(Promise.all([theirs?.write({ state: 'taken' }), theirs?.end()]))
  expect(await waitFor(ours.read())).toEqual({ done: false, value: { state: 'taken' } })
  await waitFor(ours.closed)
  bench.host.send({ type: 'stream-credit', streamId: 'output', bytes: 7 })
  await bench.calls.waitFor((call) => call === 'credit 7')
  expect(bench.forExecutor.values).toMatchObject([{ type: 'stream-open', streamId: 'h1', name: 'cells' }])
})

it('sends a snapshot on its channel, and restores one', async () => {
  const bench = open()
  await bench.greet({ features: ['streams', 'checkpoint'] })
  const hub = hubOf(bench)
  const captured = hub.stream('capsule:snapshot/one')
  bench.host.send({ type: 'checkpoint', requestId: 'one', limitBytes: 1000 })
  const { payload, cells } = decodeSnapshot(await read(captured))
  expect({ payload: [...payload], cells }).toEqual({ payload: [7], cells: 2 })
  const restored = hub.stream('capsule:snapshot/two')
  bench.host.send({ type: 'restore', requestId: 'two', mode: 'merge' })
  await waitFor(restored.write(new Uint8Array([1, 2])).then(() => restored.end()))
  expect(decodeRestoreAnswer(await read(restored))).toEqual({ kind: 'restored', report: [] })
  expect(bench.calls.values).toContain('restore 1,2 merge')
})

it('gives up a restore that is interrupted before all of it has come', async () => {
  const bench = open()
  await bench.greet({ features: ['streams', 'checkpoint'] })
  const hub = hubOf(bench)
  const restored = hub.stream('capsule:snapshot/one')
  bench.host.send({ type: 'restore', requestId: 'one', mode: 'replace' })
  await waitFor(restored.write(new Uint8Array([1, 2])))
  bench.host.send({ type: 'interrupt', cooperativeMs: 30 })
  await expect(waitFor(restored.read())).rejects.toMatchObject({ code: 'STREAM_FAILED' })
  await waitFor(restored.end().catch(() => {}))
  expect(bench.calls.values.filter((call) => call.startsWith('restore'))).toEqual([])
  // the next one is another matter
  const next = hub.stream('capsule:snapshot/two')
  bench.host.send({ type: 'restore', requestId: 'two', mode: 'merge' })
  await waitFor(next.write(new Uint8Array([3])).then(() => next.end()))
  expect(decodeRestoreAnswer(await read(next))).toEqual({ kind: 'restored', report: [] })
})

function hubOf(bench: ReturnType<typeof open>): StreamHub {
  const hub = createStreamHub({
    side: 'host',
    sizes: streamSizes(defaultLimits),
    send(message) {
      const isWelcome = bench.host.send(message)
      if (!isWelcome) void bench.host.drained().then(() => hub.resume())
      return isWelcome
    },
  })
  bench.onStream((message) => void hub.receive(message))
  return hub
}

async function read(channel: AsyncIterable<unknown>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of channel) pieces.push(piece as Uint8Array)
  return Buffer.concat(pieces)
}
