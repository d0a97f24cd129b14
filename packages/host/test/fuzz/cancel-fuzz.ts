import type { Outcome, Session } from '@capsule/session'

export interface FuzzOptions {
  readonly openSession: () => Promise<Session>
  readonly cells: Readonly<Record<string, string>>
  readonly rounds: number
  readonly seed: number
  /** The longest time a cell runs before it is cancelled. @defaultValue 40 */
  readonly longestDelayMs?: number
}

export interface FuzzReport {
  readonly rounds: number
  readonly kept: number
  readonly lost: number
  /** Cells that ended by themselves (an error of their own) before the cancel reached them. */
  readonly ended: number
  readonly byRung: Readonly<Record<string, number>>
  /** What was promised and did not hold; empty when all is well. */
  readonly wrong: readonly string[]
  readonly lostIn: Readonly<Record<string, number>>
  /** From `cancel()` to the outcome, sorted, in milliseconds. */
  readonly latenciesMs: readonly number[]
}

const deadlineMs = 20_000

/** Something of every kind that a namespace holds; if it answers right, the namespace is intact. */
const plantCanary = `
  var canary = { n: 0, map: new Map([['k', [1, 2]]]) }
  function canaryTwice(x) { return 2 * x }
  class Canary { #secret = 7; reveal() { return this.#secret } }
  const canaryClosure = (() => { let hidden = 40; return () => hidden + 2 })()
  let canaryPromise = Promise.resolve('kept')
`
const askCanary =
  '[canary.map.get("k").length, canaryTwice(21), new Canary().reveal(), canaryClosure(), await canaryPromise, ++canary.n].join()'

/** Runs endless cells one after another, cancels each at a random moment, and checks every claim of every outcome. */
export async function fuzzCancel(options: FuzzOptions): Promise<FuzzReport> {
  const { cells, rounds, openSession, longestDelayMs = 40 } = options
  const random = mulberry32(options.seed)
  const names = Object.keys(cells)
  const report = {
    rounds,
    kept: 0,
    lost: 0,
    ended: 0,
    byRung: {} as Record<string, number>,
    wrong: [] as string[],
    lostIn: {} as Record<string, number>,
    latenciesMs: [] as number[],
  }
  const session = await openSession()
  let asked = await plant(session)
  try {
    for (let round = 0; round < rounds; round++) {
      const name = names[Math.floor(random() * names.length)] ?? ''
      const where = `round ${round} (${name})`
      // in a block of its own, so that rounds do not share names
      const execution = session.execute(`await (async () => { ${cells[name]} })()`, { graceMs: 5000 })
      void drain(execution)
      await delay(random() * longestDelayMs)
      const cancelledAtMs = performance.now()
      const outcome = await within(execution.cancel(), where)
      report.latenciesMs.push(performance.now() - cancelledAtMs)
      report.byRung[String(outcome.cancelRung)] = (report.byRung[String(outcome.cancelRung)] ?? 0) + 1
      if (outcome.status !== 'cancelled' && outcome.status !== 'crashed') report.ended++
      if (outcome.state === 'kept') {
        report.kept++
        const { outcome: answer } = await within(session.run(askCanary, { timeoutMs: 10_000 }), where)
        asked++
        const expected = `2,42,7,42,kept,${asked}`
        // the worker may die of what the termination broke; then this outcome has to say so
        if (answer.state === 'lost') {
          countLost(report, `${name}, afterwards`)
          asked = await plant(session)
        } else if (answer.value !== expected) {
          report.wrong.push(
            `${where}: ${JSON.stringify(outcome)}, then the canary said ${told(answer)}, not ${expected}`,
          )
        }
      } else {
        countLost(report, name)
        const { outcome: answer } = await within(session.run('typeof canary', { timeoutMs: 10_000 }), where)
        if (answer.value !== 'undefined') report.wrong.push(`${where}: said lost, but the namespace has a canary`)
        asked = await plant(session)
      }
    }
  } catch (error) {
    report.wrong.push(String(error))
  } finally {
    await session.shutdown({ graceMs: 0 })
  }
  report.latenciesMs.sort((a, b) => a - b)
  return report
}

async function plant(session: Session): Promise<number> {
  const { outcome } = await within(session.run(plantCanary), 'planting the canary')
  if (outcome.status === 'ok') return 0
  throw new Error(`the canary could not be planted: ${told(outcome)}`)
}

function countLost(report: { lost: number; lostIn: Record<string, number> }, name: string): void {
  report.lost++
  report.lostIn[name] = (report.lostIn[name] ?? 0) + 1
}

function told({ status, state, text, cancelRung, durationMs, error, exit }: Outcome): string {
  return JSON.stringify({ status, state, text, cancelRung, durationMs, error: error?.message, exit })
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function within<T>(promise: Promise<T>, where: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${where}: hung for ${deadlineMs} ms`)), deadlineMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A small seeded generator (public domain), so that a failing run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
