import { createCapsule, definePolicy } from '@capsule/host'
import type { Execution, ExecutionEvent, Outcome, Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { createCountedTools } from './capability-tools.ts'
import { workerMarker } from './worker-marker.ts'

// what a cell does; those in `marked` print their mark when they have come out right
const stepKinds = [
  'print', 'call', 'call', 'upload', 'download', 'half', 'unread', 'ignored', 'broken', 'left', 'aborted', 'late',
  'approved', 'denied', 'undecided', 'microtask', 'turn',
] as const // prettier-ignore
type StepKind = (typeof stepKinds)[number]

const endings = ['value', 'value', 'value', 'throw', 'crash'] as const

interface Program {
  readonly steps: readonly StepKind[]
  readonly ending: (typeof endings)[number]
  /** Cancelled when so many of its events have come. */
  readonly cancelAt: number | undefined
  readonly timeoutMs: number | undefined
}

const programs = fc.array(
  fc.record({
    steps: fc.array(fc.constantFrom(...stepKinds), { maxLength: 12, size: 'max' }),
    ending: fc.constantFrom(...endings),
    cancelAt: fc.option(fc.nat(6), { nil: undefined, freq: 2 }),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
  }),
  { minLength: 1, maxLength: 3 },
)
const numRuns = Number(process.env['CAPSULE_INTERLEAVING_RUNS'] ?? 20)

const codeOfError = '.then(() => "none", (error) => error.code)'
const codes: Readonly<Record<StepKind, (mark: string) => string>> = {
  print: (mark) => `console.log("${mark}")`,
  call: (mark) => `console.log(await caps.tools.echo("${mark}"))`,
  upload: (mark) => `if (await caps.tools.upload(pieces(30, 50_000)) === 1_500_000) console.log("${mark}")`,
  download: (mark) =>
    `if ((await (await caps.tools.download(1_500_000)).bytes()).length === 1_500_000) console.log("${mark}")`,
  half: (mark) =>
    `for await (const chunk of (await caps.tools.download(3_000_000)).body) break; console.log("${mark}")`,
  unread: (mark) => `await caps.tools.download(3_000_000, { timeoutMs: 50 }); console.log("${mark}")`,
  ignored: (mark) => `if (await caps.tools.ignore(pieces(30, 50_000)) === 5) console.log("${mark}")`,
  broken: (mark) =>
    `if (await caps.tools.upload(pieces(2, "x"))${codeOfError} === "CAPABILITY_CALL_INVALID") console.log("${mark}")`,
  left: () => 'caps.tools.wait().catch(() => {})',
  aborted: (mark) =>
    `if (await caps.tools.wait({ signal: AbortSignal.timeout(1) })${codeOfError} === "CANCELLED") console.log("${mark}")`,
  late: (mark) =>
    `if (await caps.tools.wait({ timeoutMs: 1 })${codeOfError} === "CAPABILITY_TIMED_OUT") console.log("${mark}")`,
  approved: (mark) => `console.log(await caps.tools.ask("${mark}", { idempotencyKey: "${mark}" }))`,
  denied: (mark) => `if (await caps.tools.ask("deny")${codeOfError} === "APPROVAL_DENIED") console.log("${mark}")`,
  undecided: (mark) =>
    `if (await caps.tools.ask("leave")${codeOfError} === "APPROVAL_TIMED_OUT") console.log("${mark}")`,
  microtask: () => 'await null',
  turn: () => 'await new Promise((go) => setImmediate(go))',
}
const silent: readonly StepKind[] = ['left', 'microtask', 'turn']
const endingCode = {
  value: (name: string) => `"${name}"`,
  throw: (name: string) => `throw new Error("${name}")`,
  crash: () => 'process.kill(process.pid, "SIGKILL"); await new Promise(() => {})',
}

function codeOf(name: string, { steps, ending }: Program): string {
  const pieces = `{ async function* pieces(count, piece) {
  for (let i = 0; i < count; i++) yield typeof piece === "number" ? new Uint8Array(piece) : i === 1 ? 5 : piece
}`
  const lines = steps.map((kind, step) => codes[kind](`${name}:${step}`))
  return [pieces, ...lines, endingCode[ending](name), '}'].join('\n')
}

const policy = definePolicy({
  name: 'interleaved',
  rules: [
    { id: 'ask', effect: 'approve', capability: 'tools.ask', approve: { timeoutMs: 100 } },
    { id: 'all', effect: 'allow', capability: 'tools.*' },
  ],
})

let count = 0

async function check(session: Session, program: Program): Promise<Outcome> {
  const name = `c${++count}`
  const { timeoutMs } = program
  const execution = session.execute(codeOf(name, program), {
    queue: true,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  if (program.cancelAt === 0) void execution.cancel()
  const events: ExecutionEvent[] = []
  let outcome: Outcome | undefined
  void execution.outcome.then((told) => (outcome = told))
  for await (const event of execution) {
    // nothing comes behind the outcome
    expect(outcome).toBeUndefined()
    events.push(event)
    decide(execution, event)
    if (events.length === program.cancelAt) void execution.cancel()
  }
  const settled = await waitFor(execution.outcome)
  checkEvents(name, program, events, settled)
  return settled
}

function decide(execution: Execution, event: ExecutionEvent): void {
  if (event.type !== 'approval-request' || event.summary.includes('leave')) return
  const { approvalId, summary } = event
  const decided = summary.includes('deny') ? execution.deny(approvalId) : execution.approve(approvalId)
  // of a cell that was cancelled meanwhile
  decided.catch(() => {})
}

function checkEvents(name: string, program: Program, events: readonly ExecutionEvent[], outcome: Outcome): void {
  const seen = events.flatMap((event) => {
    expect(event.executionId).toBe(outcome.executionId)
    expect(event.type).not.toBe('error')
    // Node itself prints at the end of a process that was terminated into before
    return event.type === 'output' ? event.text.split('\n').filter((line) => line.startsWith('c')) : []
  })
  const expected = program.steps.flatMap((kind, step) => (silent.includes(kind) ? [] : [`${name}:${step}`]))
  expect(seen).toEqual(expected.slice(0, seen.length))
  switch (outcome.status) {
    case 'ok':
      expect(outcome.value).toBe(name)
      return expect(seen).toEqual(expected)
    case 'error':
      expect(outcome.error?.message).toBe(name)
      return expect(seen).toEqual(expected)
    case 'cancelled':
      return expect(program.cancelAt).toBeDefined()
    case 'timed-out':
      return expect(program.timeoutMs).toBeDefined()
    default:
      expect(outcome.status).toBe('crashed')
  }
}

it.each([
  ['threaded', 1],
  ['threaded', 3],
  ['async', 1],
  ['async', 3],
] as const)(
  'random calls all settle, and leave nothing: %s, %i at once',
  { timeout: 120_000 },
  async (executor, maxConcurrentExecutions) => {
    const capsule = await createCapsule({ executor, isolation: 'process' })
    onTestFinished(() => capsule.shutdown())
    const { provider, atWork } = createCountedTools()
    const session = await capsule.createSession({
      capabilities: [provider],
      policy,
      env: workerMarker(),
      maxConcurrentExecutions,
      cooperativeMs: 5000,
      graceMs: 20_000,
    })
    const grants = capsule.capabilitiesOf(session)
    const leftovers = (): object => {
      const { pending, waiting, pendingApprovals, lateHandlers } = grants.info()
      return { channels: session.info().streams.open, pending, waiting, pendingApprovals, lateHandlers, ...atWork }
    }
    const nothing = {
      channels: 0,
      pending: 0,
      waiting: 0,
      pendingApprovals: 0,
      lateHandlers: 0,
      handlers: 0,
      bodies: 0,
    }
    const untilNothing = async (): Promise<void> => {
      while (Object.values(leftovers()).some((number) => number > 0)) await session.run('1', { queue: true })
    }
    await fc.assert(
      fc.asyncProperty(programs, async (cells) => {
        const checks = cells.map((program) => check(session, program))
        // the next example is not to meet what this one left behind
        await Promise.allSettled(checks)
        const outcomes = await Promise.all(checks)
        const hasCrashed = cells.some(({ ending }) => ending === 'crash')
        const crashed = outcomes.filter(({ status }) => status === 'crashed')
        expect(hasCrashed || crashed.length === 0).toBe(true)
        await waitFor(untilNothing(), { what: 'the end of all calls' }).catch((error: unknown) => {
          throw new Error(JSON.stringify(leftovers()), { cause: error })
        })
        expect(leftovers()).toEqual(nothing)
        expect((await session.run('await caps.tools.echo("here")', { queue: true })).outcome.value).toBe('here')
      }),
      { numRuns },
    )
    expect(session.info().counters.invalidMessages).toBe(0)
  },
)
