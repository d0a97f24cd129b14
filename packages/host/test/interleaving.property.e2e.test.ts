import { createCapsule } from '@capsule/host'
import type { Execution, ExecutionEvent, Outcome, Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'

// what a cell does, each step with a mark of its own
const stepKinds = [
  'print', 'print', 'error', 'display', 'progress', 'input', 'send', 'send', 'receive', 'bulk', 'microtask', 'turn', 'timer',
] as const // prettier-ignore
type StepKind = (typeof stepKinds)[number]

interface Program {
  readonly steps: readonly StepKind[]
  readonly ending: 'value' | 'throw'
  /** Cancelled when so many of its events have come. */
  readonly cancelAt: number | undefined
}

const programs = fc.array(
  fc.record({
    steps: fc.array(fc.constantFrom(...stepKinds), { maxLength: 20 }),
    ending: fc.constantFrom('value' as const, 'throw' as const),
    cancelAt: fc.option(fc.nat(6), { nil: undefined, freq: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
)
const numRuns = Number(process.env['CAPSULE_INTERLEAVING_RUNS'] ?? 12)
const bulkBytes = 200_000

const codes: Readonly<Record<StepKind, (mark: string, name: string) => string>> = {
  print: (mark) => `console.log("${mark}")`,
  error: (mark) => `console.error("${mark}")`,
  display: (mark) => `display.json({ mark: "${mark}", pad: "x".repeat(30_000) })`,
  progress: (mark) => `progress(1, 2, "${mark}")`,
  input: (mark, name) => `console.log(await input("${name}?") === "${name}" ? "${mark}" : "of another")`,
  send: (mark, name) => `await capsule.stream("${name}").write({ mark: "${mark}" })`,
  receive: (mark, name) =>
    `console.log((await capsule.stream("${name}").read()).value === "${name}" ? "${mark}" : "lost")`,
  bulk: (_, name) => `await capsule.stream("${name}").write(new Uint8Array(${bulkBytes}).fill(7))`,
  microtask: () => 'await null',
  turn: () => 'await new Promise((go) => setImmediate(go))',
  timer: () => 'await new Promise((go) => setTimeout(go, 1))',
}

function codeOf(name: string, { steps, ending }: Program): string {
  const lines = steps.map((kind, step) => codes[kind](`${name}:${step}`, name))
  return [...lines, ending === 'value' ? `"${name}"` : `throw new Error("${name}")`].join('\n')
}

const marksOf = (name: string, { steps }: Program, kinds: readonly StepKind[]): string[] =>
  steps.flatMap((kind, step) => (kinds.includes(kind) ? [`${name}:${step}`] : []))

let count = 0

/** Runs one cell, answers it, feeds its channel, and looks at all that came of it. */
async function check(session: Session, program: Program): Promise<void> {
  const name = `c${++count}`
  const channel = session.stream(name)
  const received = collect(channel)
  // a cell that was cancelled before it opened its end never takes what waits for it
  const feeding = new AbortController()
  const fed = (async () => {
    for (const kind of program.steps) if (kind === 'receive') await channel.write(name, { signal: feeding.signal })
  })().catch(() => {})
  const execution = session.execute(codeOf(name, program), { queue: true })
  if (program.cancelAt === 0) void execution.cancel()
  const events: ExecutionEvent[] = []
  let outcome: Outcome | undefined
  void execution.outcome.then((told) => (outcome = told))
  for await (const event of execution) {
    // nothing comes behind the outcome
    expect(outcome).toBeUndefined()
    events.push(event)
    react(execution, event, { name, isCancelDue: events.length === program.cancelAt })
  }
  const settled = await execution.outcome
  checkEvents(name, program, events, settled)
  feeding.abort()
  await fed
  await waitFor(channel.end().catch(() => {}))
  // the cell's end was never ended: the host lets go of it, and what had been sent is there
  const { marks } = received.sofar()
  const sent = marksOf(name, program, ['send'])
  expect(marks).toEqual(sent.slice(0, marks.length))
  if (settled.status === 'ok') {
    await waitFor(received.until(sent.length))
    const bulks = program.steps.filter((kind) => kind === 'bulk').length
    await waitFor(received.untilBytes(bulks * bulkBytes))
  }
  channel.cancel()
  await waitFor(received.over)
}

function react(
  execution: Execution,
  event: ExecutionEvent,
  { name, isCancelDue }: { name: string; isCancelDue: boolean },
): void {
  // an answer to a cell that was cancelled meanwhile is refused
  if (event.type === 'input-request') void execution.respond(event.inputId, name).catch(() => {})
  if (isCancelDue) void execution.cancel()
}

function checkEvents(name: string, program: Program, events: readonly ExecutionEvent[], outcome: Outcome): void {
  const seen = events.flatMap((event) => {
    expect(event.executionId).toBe(outcome.executionId)
    if (event.type === 'output') return event.text.split('\n').slice(0, -1)
    return event.type === 'display' ? [(event.data['application/json'] as { mark: string }).mark] : []
  })
  const expected = marksOf(name, program, ['print', 'error', 'display', 'input', 'receive'])
  expect(seen).toEqual(expected.slice(0, seen.length))
  expect(outcome.state).toBe('kept')
  switch (outcome.status) {
    case 'ok':
      expect(outcome.value).toBe(name)
      return expect(seen).toEqual(expected)
    case 'error':
      expect(outcome.error?.message).toBe(name)
      return expect(seen).toEqual(expected)
    default:
      expect(outcome.status).toBe('cancelled')
      expect(program.cancelAt).toBeDefined()
  }
}

interface Collected {
  sofar(): { marks: readonly string[]; bytes: number }
  until(marks: number): Promise<void>
  untilBytes(bytes: number): Promise<void>
  readonly over: Promise<void>
}

function collect(channel: AsyncIterable<unknown>): Collected {
  const marks: string[] = []
  let bytes = 0
  let wake = Promise.withResolvers<void>()
  const over = (async () => {
    for await (const chunk of channel) {
      if (chunk instanceof Uint8Array) {
        expect(chunk.every((byte) => byte === 7)).toBe(true)
        bytes += chunk.length
      } else marks.push((chunk as { mark: string }).mark)
      wake.resolve()
      wake = Promise.withResolvers()
    }
  })().catch(() => {})
  const reached = async (is: () => boolean): Promise<void> => {
    while (!is()) await wake.promise
  }
  return {
    sofar: () => ({ marks, bytes }),
    until: (least) => reached(() => marks.length >= least),
    untilBytes: (least) => reached(() => bytes >= least),
    over,
  }
}

it.each([
  ['threaded', 1],
  ['threaded', 3],
  ['async', 1],
  ['async', 3],
] as const)(
  'random cells keep order, attribution and channels: %s, %i at once',
  { timeout: 120_000 },
  async (executor, maxConcurrentExecutions) => {
    const capsule = await createCapsule({ executor })
    onTestFinished(() => capsule.shutdown())
    const session = await capsule.createSession({ maxConcurrentExecutions, cooperativeMs: 5000, graceMs: 20_000 })
    await fc.assert(
      fc.asyncProperty(programs, async (cells) => {
        await Promise.all(cells.map((program) => check(session, program)))
      }),
      { numRuns },
    )
    expect((await session.run('"still here"')).outcome.value).toBe('still here')
    expect(session.info().counters).toMatchObject({ invalidMessages: 0, restarts: 0 })
  },
)
