import { capabilityReply } from '@capsule/core'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capabilityOf, codeOf, encodeArgs, openSession, providerOf, settled, valueOf } from '../test/fixture.ts'
import type { PolicyDefinition, RuleLimits } from './index.ts'

const withLimits = (limits: RuleLimits): PolicyDefinition => ({
  name: 'p',
  rules: [{ id: 'r', effect: 'allow', capability: '*', limits }],
})
const never = (): Promise<never> => new Promise(() => {})

it('counts calls per execution and per session, also those that fail', async () => {
  const { call, session } = openSession([providerOf('p', { do: () => Promise.reject(new Error('x')) })], {
    policy: withLimits({ perExecution: { calls: 2 }, perSession: { calls: 3 } }),
  })
  const codes = async (executionId: string) => codeOf(await call('p.do', [], { executionId }))
  expect([await codes('a'), await codes('a')]).toEqual(['CAPABILITY_FAILED', 'CAPABILITY_FAILED'])
  expect(await call('p.do', [], { executionId: 'a' })).toMatchObject({
    error: {
      code: 'CAPABILITY_BUDGET_EXCEEDED',
      message: "p.do is over the budget of the rule 'r': calls is limited to 2 per execution",
    },
  })
  expect(await codes('b')).toBe('CAPABILITY_FAILED')
  expect(await call('p.do', [], { executionId: 'b' })).toMatchObject({
    error: { message: expect.stringContaining('calls is limited to 3 per session') },
  })
  // what is refused takes nothing, and a new policy gives what it gives
  session.setPolicy(withLimits({ perSession: { calls: 4 } }))
  expect([await codes('c'), await codes('c')]).toEqual(['CAPABILITY_FAILED', 'CAPABILITY_BUDGET_EXCEEDED'])
})

it('counts arguments and values', async () => {
  const { call } = openSession([providerOf('p', { do: ({ path }) => path })], {
    policy: withLimits({ perSession: { inputBytes: 100, outputBytes: 60 } }),
  })
  const text = 'x'.repeat(30)
  const size = encodeArgs([text]).length
  expect(codeOf(await call('p.do', [text]))).toBe('ok')
  expect(await call('p.do', [text])).toMatchObject({
    error: { message: expect.stringContaining('outputBytes is limited to 60 per session') },
  })
  expect(codeOf(await call('p.do', ['y']))).toBe('ok')
  expect(await call('p.do', ['z'.repeat(100 - 2 * size)])).toMatchObject({
    error: { message: expect.stringContaining('inputBytes is limited to 100 per session') },
  })
})

it('counts bodies while they stream, both ways', async () => {
  async function* chunks(count: number) {
    for (let index = 0; index < count; index++) yield new Uint8Array(10)
  }
  const { call } = openSession(
    [
      providerOf('p', {
        up: capabilityOf(
          async (_, { body }) => {
            let bytes = 0
            for await (const chunk of body ?? []) bytes += chunk.length
            return bytes
          },
          { bodyField: 'content' },
        ),
        down: capabilityOf(() => capabilityReply(1, chunks(10)), { returns: 'body' }),
      }),
    ],
    {
      policy: {
        name: 'p',
        rules: [
          { id: 'up', effect: 'allow', capability: 'p.up', limits: { perExecution: { inputBytes: 60 } } },
          { id: 'down', effect: 'allow', capability: 'p.down', limits: { perExecution: { outputBytes: 55 } } },
        ],
      },
    },
  )
  expect(valueOf(await call('p.up', [], { body: chunks(5) }))).toBe(50)
  expect(await call('p.up', [], { body: chunks(5) })).toMatchObject({
    error: { code: 'CAPABILITY_BUDGET_EXCEEDED', message: expect.stringContaining('inputBytes') },
  })
  const answer = await call('p.down')
  let read = 0
  const reading = (async () => {
    if (answer.kind === 'value') for await (const chunk of answer.body ?? []) read += (chunk as Uint8Array).length
  })()
  await expect(waitFor(reading)).rejects.toMatchObject({ code: 'CAPABILITY_BUDGET_EXCEEDED' })
  expect(read).toBe(50)
})

it('counts the time that handlers run, each on its own, and ends them when there is none left', async () => {
  const { call, clock, session } = openSession([providerOf('p', { do: never })], {
    policy: withLimits({ perExecution: { timeMs: 300 } }),
  })
  const [first, second] = [call('p.do'), call('p.do')]
  await settled()
  clock.advance(100)
  const third = call('p.do', [], { timeoutMs: 10 })
  await settled()
  clock.advance(10)
  expect(codeOf(await waitFor(third))).toBe('CAPABILITY_TIMED_OUT')
  // 2 * 110 and 10 of 300 are gone
  clock.advance(34)
  expect(session.info().pending).toBe(2)
  clock.advance(1)
  expect((await waitFor(Promise.all([first, second]))).map(codeOf)).toEqual([
    'CAPABILITY_BUDGET_EXCEEDED',
    'CAPABILITY_BUDGET_EXCEEDED',
  ])
  expect(codeOf(await call('p.do'))).toBe('CAPABILITY_BUDGET_EXCEEDED')
  const other = call('p.do', [], { executionId: 'execution-2' })
  expect(session.info().pending).toBe(1)
  session.close()
  expect(codeOf(await other)).toBe('CANCELLED')
  expect(clock.pendingTimers).toBe(0 + 4)
})

it('forgets an execution that has ended, and refuses its late calls', async () => {
  const { call, session } = openSession([providerOf('p', { do: () => 1 })], {
    policy: withLimits({ perExecution: { calls: 1 } }),
  })
  await call('p.do')
  session.executionEnded('execution-1')
  expect(codeOf(await call('p.do'))).toBe('CAPABILITY_EXECUTION_ENDED')
  expect(codeOf(await call('p.do', [], { executionId: 'execution-2' }))).toBe('ok')
})

describe('whatever the order of calls', () => {
  const operation = fc.oneof(
    fc.record({
      what: fc.constant('call' as const),
      execution: fc.nat({ max: 1 }),
      input: fc.nat({ max: 20 }),
      output: fc.nat({ max: 20 }),
      isWithBody: fc.boolean(),
    }),
    fc.record({ what: fc.constantFrom('finish' as const, 'fail' as const, 'cancel' as const), at: fc.nat() }),
    fc.record({ what: fc.constant('time' as const), at: fc.nat({ max: 30 }) }),
  )
  const budget = fc.record(
    {
      calls: fc.nat({ max: 6 }),
      inputBytes: fc.nat({ max: 80 }),
      outputBytes: fc.nat({ max: 60 }),
      timeMs: fc.nat({ max: 100 }),
      concurrent: fc.integer({ min: 1, max: 3 }),
    },
    { requiredKeys: [] },
  )

  it('no budget is ever exceeded, and nothing is kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        budget,
        budget,
        fc.array(operation, { maxLength: 25 }),
        async (perExecution, perSession, steps) => {
          interface Running {
            readonly settle: (isOk: boolean) => void
          }
          const handlers: Running[] = []
          const used = [0, 1].map(() => ({ calls: 0, inputBytes: 0, outputBytes: 0, timeMs: 0, concurrent: 0 }))
          const { call, session, clock } = openSession(
            [
              providerOf('p', {
                do: capabilityOf(
                  (input, { signal }) =>
                    new Promise((resolve, reject) => {
                      const { execution, bytes } = input
                      const startedAtMs = clock.now()
                      const use = used[execution as number]!
                      use.calls++
                      use.inputBytes += encodeArgs([input]).length
                      use.concurrent++
                      let isOver = false
                      const over = (): boolean => {
                        if (isOver) return false
                        isOver = true
                        use.concurrent--
                        use.timeMs += clock.now() - startedAtMs
                        return true
                      }
                      signal.addEventListener('abort', () => over() && reject(new Error('aborted')))
                      handlers.push({
                        settle: (isOk) => {
                          if (!over()) return
                          if (!isOk) reject(new Error('failed'))
                          else
                            resolve(
                              capabilityReply(
                                '',
                                (async function* () {
                                  yield new Uint8Array(bytes as number)
                                })(),
                              ),
                            )
                        },
                      })
                    }),
                  { returns: 'body', limits: { timeoutMs: Infinity } },
                ),
              }),
            ],
            { policy: withLimits({ perExecution, perSession }) },
          )
          const check = (): void => {
            const all = used.reduce((a, b) => ({
              calls: a.calls + b.calls,
              inputBytes: a.inputBytes + b.inputBytes,
              outputBytes: a.outputBytes + b.outputBytes,
              timeMs: a.timeMs + b.timeMs,
              concurrent: a.concurrent + b.concurrent,
            }))
            for (const [limits, uses] of [
              [perExecution, used[0]!],
              [perExecution, used[1]!],
              [perSession, all],
            ] as const) {
              for (const key of ['calls', 'inputBytes', 'outputBytes', 'timeMs', 'concurrent'] as const) {
                expect(uses[key]).toBeLessThanOrEqual((limits[key] ?? Infinity) + 1e-6)
              }
            }
          }
          const calls: Promise<unknown>[] = []
          const controllers: AbortController[] = []
          for (const step of steps) {
            if (step.what === 'call') {
              const controller = new AbortController()
              controllers.push(controller)
              const args = [{ execution: step.execution, bytes: step.output, pad: 'x'.repeat(step.input) }]
              const use = used[step.execution]!
              const run = async (): Promise<void> => {
                const answer = await call('p.do', args, {
                  executionId: `execution-${step.execution}`,
                  signal: controller.signal,
                })
                if (answer.kind === 'error') return
                use.outputBytes += answer.value.length
                try {
                  for await (const chunk of answer.body ?? []) use.outputBytes += (chunk as Uint8Array).length
                } catch {
                  // over its budget
                }
              }
              calls.push(run())
            } else if (step.what === 'time') clock.advance(step.at)
            else if (step.what === 'cancel') controllers[step.at % controllers.length]?.abort()
            else handlers[step.at % handlers.length]?.settle(step.what === 'finish')
            await settled()
            check()
          }
          session.close()
          await waitFor(Promise.all(calls))
          await settled()
          check()
          expect(session.info()).toMatchObject({ pending: 0, waiting: 0, lateHandlers: 0 })
          expect(clock.pendingTimers).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })
})
