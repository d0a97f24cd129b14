import type { ExecutorMessage } from '@capsule/executor'
import { defaultWorkerSettings } from '@capsule/protocol'
import { createRecorder, type Recorder, waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { forkMemoryWorker } from './memory-worker.ts'
import { connectRemoteWorker, type HostLink, type RemoteWorker } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'

const maxConcurrent = 4

/** What one cell does, step by step; each step has a mark of its own. */
const stepKinds = ['print', 'print', 'error', 'display', 'progress', 'input', 'microtask', 'turn', 'timer'] as const
type StepKind = (typeof stepKinds)[number]

const program = fc.record({
  steps: fc.array(fc.constantFrom(...stepKinds), { maxLength: 25 }),
  ending: fc.constantFrom('value' as const, 'throw' as const),
  /** Cancelled when that many of its messages have come. */
  cancelAt: fc.option(fc.nat(8), { nil: undefined, freq: 2 }),
})
interface Program {
  readonly steps: readonly StepKind[]
  readonly ending: 'value' | 'throw'
  readonly cancelAt: number | undefined
}

const markOf = (id: string, step: number): string => `${id}:${step}`

function codeOf(id: string, { steps, ending }: Program): string {
  const codes: Readonly<Record<StepKind, (mark: string) => string>> = {
    print: (mark) => `console.log("${mark}")`,
    error: (mark) => `console.error("${mark}")`,
    display: (mark) => `display.json({ mark: "${mark}", pad: "x".repeat(40_000) })`,
    progress: (mark) => `progress(1, 2, "${mark}")`,
    input: (mark) => `console.log(await input("?") === "${id}" ? "${mark}" : "of another")`,
    microtask: () => 'await null',
    turn: () => 'await new Promise((go) => setImmediate(go))',
    timer: () => 'await new Promise((go) => setTimeout(go, 1))',
  }
  const lines = steps.map((kind, step) => codes[kind](markOf(id, step)))
  return [...lines, ending === 'value' ? `"${id}"` : `throw new Error("${id}")`].join('\n')
}

/** The marks that must come, those of each way out in order; progress may be passed over. */
function marksOf(id: string, { steps }: Program): string[] {
  return steps.flatMap((kind, step) =>
    kind === 'print' || kind === 'error' || kind === 'display' || kind === 'input' ? [markOf(id, step)] : [],
  )
}

function seenMarks(messages: readonly ExecutorMessage[]): string[] {
  const marks: string[] = []
  for (const message of messages) {
    if (message.type === 'output') marks.push(...message.text.split('\n').slice(0, -1))
    if (message.type !== 'display' || (message.part?.index ?? 0) > 0) continue
    const content = message.data['application/json']
    const json = typeof content === 'object' && 'json' in content ? content.json : ''
    marks.push(/"mark":"([^"]+)"/.exec(json)?.[1] ?? 'no mark')
  }
  return marks
}

const isTerminal = (message: ExecutorMessage): boolean =>
  message.type === 'result' || (message.type === 'error' && message.terminal)

let executions = 0

/** Runs the programs side by side and looks at what came of each. */
async function check(worker: RemoteWorker, recorder: Recorder<ExecutorMessage>, programs: Program[]): Promise<void> {
  const ids = programs.map(() => `e-${++executions}`)
  const counts = new Map<string, number>()
  const cancelNow = (executionId: string): void =>
    worker.cancel({ type: 'cancel', executionId, reason: 'cancelled', cooperativeMs: 1000 })
  const start = recorder.values.length
  const react = (message: ExecutorMessage): void => {
    const { executionId = '' } = message
    const count = (counts.get(executionId) ?? 0) + 1
    counts.set(executionId, count)
    if (message.type === 'input-request') {
      const { inputId } = message
      worker.respond({ type: 'input-response', executionId, inputId, answer: { kind: 'text', text: executionId } })
    }
    if (programs[ids.indexOf(executionId)]?.cancelAt === count) cancelNow(executionId)
  }
  listeners.set(recorder, react)
  for (const [index, id] of ids.entries()) {
    await worker.execute({ type: 'execute', executionId: id, code: codeOf(id, programs[index] ?? fail()) })
    if (programs[index]?.cancelAt === 0) cancelNow(id)
  }
  for (const id of ids) {
    await waitFor(recorder.waitFor((message) => message.executionId === id && isTerminal(message)))
  }
  const came = recorder.values.slice(start)
  for (const [index, id] of ids.entries()) {
    const messages = came.filter(({ executionId }) => executionId === id)
    const taken = programs[index] ?? fail()
    checkOne(id, taken, messages)
  }
  expect(came.every(({ executionId }) => ids.includes(executionId ?? ''))).toBe(true)
}

const listeners = new Map<Recorder<ExecutorMessage>, (message: ExecutorMessage) => void>()

function checkOne(id: string, taken: Program, messages: readonly ExecutorMessage[]): void {
  const last = messages.at(-1)
  expect(messages.filter(isTerminal)).toHaveLength(1)
  expect(last && isTerminal(last)).toBe(true)
  const expected = marksOf(id, taken)
  const seen = seenMarks(messages)
  expect(seen).toEqual(expected.slice(0, seen.length))
  if (last?.type === 'result') {
    expect(last.text).toBe(`'${id}'`)
    expect(seen).toEqual(expected)
  } else if (last?.type === 'error' && last.terminal && last.status === 'error') {
    expect(last.error.message).toBe(id)
    expect(seen).toEqual(expected)
  } else {
    expect(last).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } })
    expect(taken.cancelAt).toBeDefined()
  }
  expect(messages.some((message) => 'late' in message)).toBe(false)
}

function fail(): never {
  throw new Error('there is none')
}

it.each<[string, () => HostLink]>([
  ['memory x async', forkMemoryWorker],
  ['child process x async', () => spawnWorker({ executor: 'async' })],
  ['child process x threaded', () => spawnWorker({ executor: 'threaded' })],
])('%s keeps random cells apart that run at once', async (_name, connect) => {
  const recorder = createRecorder<ExecutorMessage>()
  const creation = {
    settings: defaultWorkerSettings,
    windowBytes: Infinity,
    onMessage(message: ExecutorMessage) {
      recorder.record(message)
      listeners.get(recorder)?.(message)
    },
  }
  const worker = await connectRemoteWorker(connect(), creation, { maxConcurrent })
  onTestFinished(() => worker[Symbol.asyncDispose]() as Promise<void>)
  const property = fc.asyncProperty(fc.array(program, { minLength: 2, maxLength: maxConcurrent }), (programs) =>
    check(worker, recorder, programs),
  )
  await expect(fc.assert(property, { numRuns: 40 })).resolves.toBeUndefined()
})
