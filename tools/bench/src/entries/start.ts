import { once } from 'node:events'
import type { BenchEntry, Measurement } from '../bench.ts'
import { cpuMs, startChild } from '../child.ts'
import { executorNames, openSession, valueOf } from '../contenders/capsule.ts'
import { alternate, ratioOf, timeMs } from '../rounds.ts'
import { median } from '../statistics.ts'

interface Starter {
  readonly name: string
  /** From nothing to the first answer; then `inspect` sees the process. */
  readonly start: (inspect: (pid: number) => void) => Promise<void>
}

const emptyProcess: Starter = {
  name: 'empty node process',
  async start(inspect) {
    await using child = startChild('empty.mjs')
    await once(child.output, 'data')
    inspect(child.pid)
  },
}

const capsules = executorNames.map((executor): Starter => ({
  name: `capsule ${executor}`,
  async start(inspect) {
    await using open = await openSession(executor)
    await valueOf(open.session, '1+1')
    inspect(open.session.info().worker!.pid)
  },
}))

/** The same, up to the moment the worker says that it is ready. */
const readyCapsules = executorNames.map((executor): Starter => ({
  name: `capsule ${executor}`,
  async start(inspect) {
    await using open = await openSession(executor)
    inspect(open.session.info().worker!.pid)
  },
}))

async function wallClock(rounds: number): Promise<Measurement[]> {
  const starters = [emptyProcess, ...capsules]
  // The stop is not part of it: the clock is read when the first answer is there.
  const medians = await alternate(starters, rounds, async ({ start }) => {
    let elapsedMs = Number.NaN
    const startedMs = performance.now()
    await start(() => (elapsedMs = performance.now() - startedMs))
    return [elapsedMs]
  })
  return starters.flatMap(({ name }): Measurement[] => [
    {
      id: `start/${name}/cold`,
      title: `cold start to first answer: ${name}`,
      value: median(medians.get(name)!),
      unit: 'ms',
      samples: rounds,
    },
    {
      id: `start/${name}/cold-ratio`,
      title: `cold start to first answer: ${name}, times the empty process`,
      value: ratioOf(medians, name, emptyProcess.name),
      unit: 'x',
      samples: rounds,
    },
  ])
}

async function cpu(rounds: number): Promise<Measurement[]> {
  const starters = [emptyProcess, ...readyCapsules]
  const medians = await alternate(starters, rounds, async ({ start }) => {
    let usedMs = Number.NaN
    await start((pid) => (usedMs = cpuMs(pid)))
    return [usedMs]
  })
  return starters.flatMap(({ name }): Measurement[] => [
    {
      id: `start/${name}/cpu`,
      title: `CPU until ready: ${name}`,
      value: median(medians.get(name)!),
      unit: 'ms',
      samples: rounds,
    },
    {
      id: `start/${name}/cpu-ratio`,
      title: `CPU until ready: ${name}, times the empty script`,
      value: ratioOf(medians, name, emptyProcess.name),
      unit: 'x',
      samples: rounds,
    },
  ])
}

/** A second session on a running Capsule, its worker started for it: there is no pool yet. */
async function warm(rounds: number): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const executor of executorNames) {
    await using open = await openSession(executor)
    await valueOf(open.session, '1+1')
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      times.push(await timeMs(() => open.session.restart()))
      await valueOf(open.session, '1+1')
    }
    measurements.push({
      id: `start/capsule ${executor}/restart`,
      title: `restart of a session: capsule ${executor}`,
      value: median(times),
      unit: 'ms',
      samples: rounds,
    })
  }
  return measurements
}

/** What a new session costs. */
export const start: BenchEntry = {
  name: 'start',
  async run({ isQuick }) {
    const rounds = isQuick ? 3 : 25
    return [...(await wallClock(rounds)), ...(await cpu(rounds)), ...(await warm(isQuick ? 2 : 10))]
  },
}
