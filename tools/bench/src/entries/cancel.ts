import { setTimeout as delay } from 'node:timers/promises'
import type { BenchEntry, BenchSettings, Measurement } from '../bench.ts'
import { type CancelCase, cancelCases } from '../cancel-cases.ts'
import { type ExecutorName, executorNames, openSession, type Session } from '../contenders/capsule.ts'
import { percentile } from '../statistics.ts'

interface Attempt {
  readonly elapsedMs: number
  /** The outcome said what it should, and the namespace agrees. */
  readonly isTrue: boolean
}

/** How long an unread cell prints before it is cancelled: by then it waits for its reader. */
const fillMs = 50

async function untilRunning(session: Session, { code, isUnread }: CancelCase): Promise<ReturnType<Session['execute']>> {
  const execution = session.execute(code)
  if (isUnread === true) {
    await delay(fillMs)
    return execution
  }
  const events = execution[Symbol.asyncIterator]()
  await events.next()
  return execution
}

async function attempt(session: Session, cancelCase: CancelCase, round: number): Promise<Attempt> {
  await session.run(`globalThis.mark = ${round}`)
  const execution = await untilRunning(session, cancelCase)
  // Somewhere in the loop, not always at its first step.
  await delay(Math.random() * 5)
  const startedMs = performance.now()
  const outcome = await execution.cancel()
  const elapsedMs = performance.now() - startedMs
  const after = await session.run('globalThis.mark')
  const hasMark = after.outcome.status === 'ok' && after.outcome.value === round
  const isTrue =
    outcome.status === 'cancelled' && outcome.state === cancelCase.state && hasMark === (outcome.state === 'kept')
  return { elapsedMs, isTrue }
}

async function measure(
  executor: ExecutorName,
  cancelCase: CancelCase,
  settings: BenchSettings,
): Promise<Measurement[]> {
  const rounds = cancelCase.state === 'lost' ? 3 : settings.isQuick ? 5 : 50
  await using open = await openSession(executor)
  const attempts: Attempt[] = []
  for (let round = 0; round < rounds; round++) attempts.push(await attempt(open.session, cancelCase, round))
  const times = attempts.map(({ elapsedMs }) => elapsedMs)
  const id = `cancel/capsule ${executor}/${cancelCase.name}`
  const title = `cancel, ${executor}: ${cancelCase.name}`
  const right = attempts.filter(({ isTrue }) => isTrue).length
  const note = `state ${cancelCase.state} in ${right} of ${rounds}`
  settings.log(`  ${title}: ${note}`)
  return [
    { id: `${id}/p50`, title: `${title}, p50`, value: percentile(times, 0.5), unit: 'ms', samples: rounds, note },
    { id: `${id}/p95`, title: `${title}, p95`, value: percentile(times, 0.95), unit: 'ms', samples: rounds, note },
    {
      id: `${id}/true`,
      title: `${title}, truthful outcomes`,
      value: (100 * right) / rounds,
      unit: '%',
      samples: rounds,
    },
  ]
}

/** From `cancel()` to the outcome, in each hard case; the namespace is looked at after each. */
export const cancel: BenchEntry = {
  name: 'cancel',
  async run(settings) {
    const measurements: Measurement[] = []
    for (const executor of executorNames)
      for (const cancelCase of cancelCases)
        if (executor === 'threaded' || cancelCase.isPreemptive !== true)
          measurements.push(...(await measure(executor, cancelCase, settings)))
    const kept = measurements.filter(
      ({ id, note }) => id.includes('threaded') && id.endsWith('/p95') && note?.startsWith('state kept'),
    )
    const truths = measurements.filter(({ id }) => id.endsWith('/true'))
    return [
      ...measurements,
      {
        id: 'cancel/worst/p95',
        title: 'cancel, threaded: the slowest p95 with state kept',
        value: Math.max(...kept.map(({ value }) => value)),
        unit: 'ms',
        samples: kept.length,
      },
      {
        id: 'cancel/worst/true',
        title: 'cancel: truthful outcomes in the worst case',
        value: Math.min(...truths.map(({ value }) => value)),
        unit: '%',
        samples: truths.length,
      },
    ]
  },
}
