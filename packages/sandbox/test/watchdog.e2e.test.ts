import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { CapsuleError } from '@capsule/core'
import { createWatchdog, probeWatchdog, type WatchdogOptions } from '@capsule/sandbox'
import { createFakeClock, type FakeClock } from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openProcessFigures } from '../src/process-figures.ts'

const isLinux = process.platform === 'linux'
const lookMs = 50

interface Consumer {
  readonly pid: number
  /** Resolves when it is done. */
  readonly tell: (line: string) => Promise<void>
  readonly end: () => Promise<void>
}

async function startConsumer(): Promise<Consumer> {
  const file = `${import.meta.dirname}/fixtures/consumer.cjs`
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [file], { env: {} })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit')
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(end)
  await lines.next()
  return {
    pid: child.pid ?? NaN,
    tell: async (line) => {
      child.stdin.write(`${line}\n`)
      expect(await lines.next()).toMatchObject({ value: 'done' })
    },
    end,
  }
}

function watch(
  pid: number,
  limits: Pick<WatchdogOptions, 'maxRssMb' | 'maxCpuMs'>,
): { clock: FakeClock; errors: CapsuleError[]; watchdog: ReturnType<typeof createWatchdog> } {
  const clock = createFakeClock()
  const errors: CapsuleError[] = []
  const watchdog = createWatchdog({ pid, ...limits, clock, onExceeded: (error) => errors.push(error) })
  onTestFinished(() => watchdog[Symbol.dispose]())
  return { clock, errors, watchdog }
}

describe.runIf(isLinux)('a watchdog over memory', () => {
  it('tells once of a process that takes more, buffers included', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors } = watch(pid, { maxRssMb: 200 })
    clock.advance(lookMs)
    await tell('hold 20')
    clock.advance(10 * lookMs)
    expect(errors).toEqual([])
    await tell('hold 250')
    clock.advance(1000)
    clock.advance(1000)
    expect(errors).toMatchObject([{ code: 'MEMORY_LIMIT_EXCEEDED', details: { maxRssMb: 200 } }])
    const [{ rssMb }] = errors.map(({ details }) => details) as [{ rssMb: number }]
    expect(rssMb).toBeGreaterThan(250)
    expect(clock.pendingTimers).toBe(0)
  })

  it('looks every 50 ms while an execution runs', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxRssMb: 200 })
    // looks have become rare
    clock.advance(60_000)
    watchdog.started('a')
    await tell('hold 250')
    clock.advance(lookMs)
    expect(errors).toHaveLength(1)
  })

  it('looks rarely while nothing runs and no CPU is used', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors } = watch(pid, { maxRssMb: 200 })
    clock.advance(60_000)
    await tell('hold 250')
    clock.advance(lookMs)
    expect(errors).toEqual([])
    clock.advance(1000)
    expect(errors).toHaveLength(1)
  })

  it('looks often again once CPU is used', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors } = watch(pid, { maxRssMb: 200 })
    clock.advance(60_000)
    for (let turn = 0; turn < 20; turn++) {
      await tell('burn 30')
      clock.advance(lookMs)
    }
    await tell('hold 250')
    clock.advance(lookMs)
    expect(errors).toHaveLength(1)
  })
})

describe.runIf(isLinux)('a watchdog over CPU', () => {
  it('gives each execution all of the budget', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxCpuMs: 300 })
    for (const executionId of ['a', 'b', 'c']) {
      watchdog.started(executionId)
      await tell('burn 150')
      clock.advance(lookMs)
      watchdog.ended(executionId)
    }
    expect(errors).toEqual([])
    watchdog.started('d')
    await tell('burn 400')
    clock.advance(lookMs)
    expect(errors).toMatchObject([
      { code: 'CPU_LIMIT_EXCEEDED', message: expect.stringMatching(/since d started, more than maxCpuMs \(300 ms\)/) },
    ])
  })

  it('counts what is used beside for all executions that run', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxCpuMs: 300 })
    watchdog.started('long')
    for (const executionId of ['a', 'b', 'c']) {
      watchdog.started(executionId)
      await tell('burn 150')
      watchdog.ended(executionId)
    }
    clock.advance(lookMs)
    expect(errors).toMatchObject([{ details: { executionId: 'long' } }])
  })

  it('ends what goes on after its execution has ended', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxCpuMs: 300 })
    watchdog.started('a')
    watchdog.ended('a')
    await tell('burn 400')
    clock.advance(lookMs)
    expect(errors).toMatchObject([{ message: expect.stringContaining('after its last execution') }])
  })

  it('lets a process live that uses little for long', async () => {
    const { pid, tell } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxCpuMs: 300 })
    watchdog.started('a')
    watchdog.ended('a')
    for (let window = 0; window < 4; window++) {
      await tell('burn 150')
      clock.advance(4000)
    }
    expect(errors).toEqual([])
  })
})

describe.runIf(isLinux)('the end of a watchdog', () => {
  it('comes with the end of the process', async () => {
    const { pid, end } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxRssMb: 1, maxCpuMs: 1 })
    await end()
    clock.advance(2000)
    expect({ errors, pending: clock.pendingTimers }).toEqual({ errors: [], pending: 0 })
    watchdog.started('a')
    watchdog.ended('a')
  })

  it('comes when it is disposed, twice if need be', async () => {
    const { pid } = await startConsumer()
    const { clock, errors, watchdog } = watch(pid, { maxRssMb: 1 })
    watchdog[Symbol.dispose]()
    watchdog[Symbol.dispose]()
    clock.advance(2000)
    expect({ errors, pending: clock.pendingTimers }).toEqual({ errors: [], pending: 0 })
  })
})

it('is refused for a process that is not there', async () => {
  const { pid, end } = await startConsumer()
  await end()
  const options = { pid, maxCpuMs: 1, clock: createFakeClock(), onExceeded: () => {} }
  expect(() => createWatchdog(options)).toThrow(expect.objectContaining({ code: 'WATCHDOG_UNAVAILABLE' }))
})

it.each([{ pid: 0 }, { pid: 1, maxRssMb: 0 }, { pid: 1, maxCpuMs: -1 }, { pid: 1, maxCpu: 1 }])(
  'refuses %o',
  (wrong) => {
    const options = { clock: createFakeClock(), onExceeded: () => {}, ...wrong }
    expect(() => createWatchdog(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  },
)

it('says where it is available', () => {
  expect(probeWatchdog().isAvailable).toBe(isLinux)
})

it.runIf(isLinux)('reads the same as Node knows of itself', () => {
  using figures = openProcessFigures(process.pid)
  const { user, system } = process.cpuUsage()
  const differenceMs = Math.abs((figures.cpuMs() ?? NaN) - (user + system) / 1000)
  expect(differenceMs).toBeLessThan(200)
  expect((figures.rssBytes() ?? NaN) / process.memoryUsage.rss()).toBeCloseTo(1, 0)
})
