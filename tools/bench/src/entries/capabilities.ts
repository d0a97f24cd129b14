import { defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'
import type { BenchEntry, Measurement } from '../bench.ts'
import { executorNames, type ExecutorName, openSession, valueOf } from '../contenders/capsule.ts'
import { startEcho } from '../contenders/echo.ts'
import { alternate, ratioOf } from '../rounds.ts'
import { median } from '../statistics.ts'

/** Makes that many calls one after the other, and tells the microseconds of each. */
interface Caller extends AsyncDisposable {
  readonly name: string
  call(count: number): Promise<readonly number[]>
}

const baseline = 'echo'
const concurrentCalls = 1000

const createProvider = () =>
  defineProvider({
    name: 'bench',
    specificationVersion: 'v1',
    capabilities: {
      echo: {
        summary: 'Gives back what it was given.',
        effect: 'read',
        input: z.strictObject({ value: z.number() }),
        output: z.number(),
        positional: ['value'],
        limits: { concurrent: concurrentCalls },
        handler: ({ value }) => value,
      },
    },
  })

async function openEcho(): Promise<Caller> {
  const echo = await startEcho()
  return {
    name: baseline,
    async call(count) {
      const times: number[] = []
      for (let index = 0; index < count; index++) {
        const startedMs = performance.now()
        await echo.evaluate('')
        times.push((performance.now() - startedMs) * 1000)
      }
      return times
    },
    [Symbol.asyncDispose]: () => echo[Symbol.asyncDispose](),
  }
}

const openCapsule = (executor: ExecutorName) => openSession(executor, { capabilities: [createProvider()] })

async function openCaller(executor: ExecutorName): Promise<Caller> {
  const open = await openCapsule(executor)
  return {
    name: `capsule ${executor}`,
    call: (count) =>
      valueOf(
        open.session,
        `const times = []
for (let index = 0; index < ${count}; index++) {
  const startedMs = performance.now()
  await caps.bench.echo(index)
  times.push((performance.now() - startedMs) * 1000)
}
times`,
      ) as Promise<number[]>,
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

async function roundTrips(isQuick: boolean): Promise<Measurement[]> {
  const calls = isQuick ? 100 : 1000
  const rounds = isQuick ? 3 : 11
  await using stack = new AsyncDisposableStack()
  const callers: Caller[] = [stack.use(await openEcho())]
  for (const executor of executorNames) callers.push(stack.use(await openCaller(executor)))
  for (const caller of callers) await caller.call(calls)
  const medians = await alternate(callers, rounds, (caller) => caller.call(calls))
  const samples = rounds * calls
  return callers.flatMap(({ name }): Measurement[] => [
    {
      id: `capabilities/${name}/median`,
      title: `one call and its answer: ${name}`,
      value: median(medians.get(name)!),
      unit: 'µs',
      samples,
    },
    {
      id: `capabilities/${name}/ratio`,
      title: `one call and its answer: ${name}, times the echo`,
      value: ratioOf(medians, name, baseline),
      unit: 'x',
      samples,
    },
  ])
}

interface Burst {
  readonly totalMs: number
  /** How far the order of answers is from the order of calls, at the worst. */
  readonly displaced: number
}

const burst = `const started = performance.now(); const order = []
await Promise.all(Array.from({ length: ${concurrentCalls} }, async (_, index) => order.push(await caps.bench.echo(index))));
({ totalMs: performance.now() - started, displaced: Math.max(...order.map((index, place) => Math.abs(index - place))) })`

/** Two cells with as many calls each: the fair share of the first half of the answers is one half for each. */
const sharing = (name: string): string => `for (let left = ${concurrentCalls / 2}; left > 0; left--) {
  await caps.bench.echo(1); globalThis.shares.push('${name}') }`

async function bursts(executor: ExecutorName, rounds: number): Promise<Measurement[]> {
  await using open = await openCapsule(executor)
  const results: Burst[] = []
  for (let round = 0; round <= rounds; round++) results.push((await valueOf(open.session, burst)) as Burst)
  await using several = await openSession(executor, { capabilities: [createProvider()], maxConcurrentExecutions: 2 })
  await valueOf(several.session, 'globalThis.shares = []; 0')
  await Promise.all([valueOf(several.session, sharing('a')), valueOf(several.session, sharing('b'))])
  const share = (await valueOf(
    several.session,
    `const half = shares.slice(0, ${concurrentCalls / 2}); 100 * half.filter((name) => name === 'a').length / half.length`,
  )) as number
  const name = `capsule ${executor}`
  return [
    {
      id: `capabilities/${name}/burst`,
      title: `${concurrentCalls} calls at once: ${name}, all answered`,
      value: median(results.slice(1).map(({ totalMs }) => totalMs)),
      unit: 'ms',
      samples: rounds,
    },
    {
      id: `capabilities/${name}/displaced`,
      title: `${concurrentCalls} calls at once: ${name}, places between call and answer at the worst`,
      value: Math.max(...results.map(({ displaced }) => displaced)),
      unit: 'places',
      samples: rounds + 1,
    },
    {
      id: `capabilities/${name}/share`,
      title: `two cells that call side by side: ${name}, share of the first among the first half of the answers`,
      value: share,
      unit: '%',
      samples: 1,
    },
  ]
}

/** What it costs to ask the host, beside the bare echo, and whether many calls are served in turn. */
export const capabilities: BenchEntry = {
  name: 'capabilities',
  async run({ isQuick }) {
    const measurements = await roundTrips(isQuick)
    for (const executor of executorNames) measurements.push(...(await bursts(executor, isQuick ? 2 : 9)))
    return measurements
  },
}
