import { setTimeout as delay } from 'node:timers/promises'
import { createCapsule } from '@capsule/host'
import type { BenchEntry, Measurement } from '../bench.ts'
import { type ExecutorName, executorNames, type Session } from '../contenders/capsule.ts'
import { percentile } from '../statistics.ts'

type Execution = ReturnType<Session['execute']>

/** Who takes what the cells print: a loop over the events, or nobody, because only the outcome is wanted. */
type Reading = 'read' | 'unread'
const readings: readonly Reading[] = ['read', 'unread']

const sessionCount = 8
const line = JSON.stringify('x'.repeat(100))

/** Prints without end. The async executor has one thread: a cell that never lets go of it cannot be told anything. */
const floods: Readonly<Record<ExecutorName, string>> = {
  threaded: `for (;;) console.log(${line})`,
  async: `for (;;) { for (let i = 0; i < 100; i++) console.log(${line}); await new Promise((go) => setImmediate(go)) }`,
}

interface Flood {
  readonly execution: Execution
  /** Resolves with the characters that were read when there are no more. */
  readonly read: Promise<number>
}

async function start(session: Session, executor: ExecutorName, reading: Reading): Promise<Flood> {
  const execution = session.execute(floods[executor])
  if (reading === 'unread') {
    void execution.outcome
    return { execution, read: Promise.resolve(0) }
  }
  const { promise: flowing, resolve } = Promise.withResolvers<void>()
  const readAll = async (): Promise<number> => {
    let characters = 0
    for await (const event of execution) {
      if (event.type === 'output') characters += event.text.length
      resolve()
    }
    return characters
  }
  const read = readAll()
  await flowing
  return { execution, read }
}

async function measure(executor: ExecutorName, reading: Reading, cancels: number): Promise<Measurement[]> {
  await using stack = new AsyncDisposableStack()
  const capsule = await createCapsule({ executor, isolation: 'process' })
  stack.defer(() => capsule[Symbol.asyncDispose]())
  const sessions: Session[] = []
  for (let i = 0; i < sessionCount; i++) sessions.push(await capsule.createSession())
  const floods = await Promise.all(sessions.map((session) => start(session, executor, reading)))
  const times: number[] = []
  let truthful = 0
  for (let i = 0; i < cancels; i++) {
    const place = i % sessionCount
    // somewhere in the flood, and never in step with it
    await delay(Math.random() * 10)
    const { execution } = floods[place]!
    const startedMs = performance.now()
    const { status, state } = await execution.cancel()
    times.push(performance.now() - startedMs)
    if (status === 'cancelled' && state === 'kept') truthful++
    floods[place] = await start(sessions[place]!, executor, reading)
  }
  await Promise.all(floods.map(({ execution }) => execution.cancel()))
  const id = `flood/capsule ${executor}/${reading}`
  const title = `cancel while ${sessionCount} sessions print without end, ${executor}, ${reading === 'read' ? 'read' : 'only the outcome wanted'}`
  const of = (what: string, value: number): Measurement => ({
    id: `${id}/${what}`,
    title: `${title}: ${what}`,
    value,
    unit: 'ms',
    samples: cancels,
  })
  return [
    of('p50', percentile(times, 0.5)),
    of('p95', percentile(times, 0.95)),
    of('max', Math.max(...times)),
    { ...of('true', (100 * truthful) / cancels), title: `${title}: cancelled, state kept`, unit: '%' },
  ]
}

/** From `cancel()` to the outcome of one session, while it and seven others flood the host. */
export const flood: BenchEntry = {
  name: 'flood',
  async run({ isQuick }) {
    const cancels = isQuick ? 104 : 400
    const measurements: Measurement[] = []
    for (const executor of executorNames)
      for (const reading of readings) measurements.push(...(await measure(executor, reading, cancels)))
    return measurements
  },
}
