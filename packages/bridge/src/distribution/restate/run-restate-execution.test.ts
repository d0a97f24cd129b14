import type { Context } from '@restatedev/restate-sdk'
import { createFakeClock, type FakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { decodeAnswer } from '../answer-text.ts'
import { HostedExecutions } from '../hosted-executions.ts'
import { ScriptedRuns } from '../scripted-runs.ts'
import { type RestateExecutionContext, runRestateExecution } from './run-restate-execution.ts'

const lostAfterMs = 3000
const execution = { id: 'mine', code: '' }

/** A journal as the server keeps it: each invocation is given what was written before, and adds to it. */
class Journal {
  readonly entries: unknown[] = []
  /** The server has the answer too, and lost only that this was the end. */
  isAnswered = false
  #wake: (() => void) | undefined

  invocation(over = new AbortController().signal): RestateExecutionContext {
    let at = 0
    const run = async (_: string, write: () => unknown): Promise<unknown> => {
      if (at === this.entries.length && this.isAnswered) throw new Error('journal mismatch')
      if (at === this.entries.length) this.entries.push(await write())
      this.#wake?.()
      return this.entries[at++]
    }
    return {
      run: run as unknown as Context['run'],
      request: () => ({ attemptCompletedSignal: over }) as unknown as ReturnType<Context['request']>,
    }
  }

  async has(count: number): Promise<void> {
    while (this.entries.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}

interface Bench {
  readonly journal: Journal
  readonly runs: ScriptedRuns
  readonly clock: FakeClock
  /** One invocation: the server asks the group, or this host. */
  readonly ask: (of: 'group' | 'host', given?: unknown, over?: AbortSignal) => Promise<unknown>
}

function open({ maxAttempts = 3, capacity = 1 } = {}): Bench {
  const clock = createFakeClock()
  const runs = new ScriptedRuns()
  const executions = new HostedExecutions({ host: 'h', capacity, run: runs.on('h'), clock, onChange: () => {} })
  const journals = new Map<string, Journal>()
  const journal = new Journal()
  journals.set(execution.id, journal)
  const common = { host: 'h', maxAttempts, lostAfterMs, clock }
  return {
    journal,
    runs,
    clock,
    ask: async (of, given = execution, over) => {
      const context = (given === execution ? journal : new Journal()).invocation(over)
      const options =
        of === 'group'
          ? { admit: (id: string) => executions.tryAdmit(id), refusal: 'elsewhere' as const }
          : { admit: (id: string) => executions.admit(id), refusal: 'session-lost' as const }
      return decodeAnswer(await runRestateExecution(context, given, { ...common, ...options }))
    },
  }
}

it('joins what runs already as no attempt of its own, however often the server asks again', async () => {
  const { runs, journal, ask } = open({ maxAttempts: 1 })
  const first = ask('group')
  const run = await runs.next()
  const again = [ask('group'), ask('group')]
  await journal.has(2)
  run.succeed('once')
  for (const answer of [first, ...again])
    expect(await answer).toMatchObject({ type: 'outcome', attempt: 1, outcome: { value: 'once' } })
  expect(await ask('group')).toMatchObject({ type: 'outcome', attempt: 1 })
  expect(journal.entries.filter((entry) => entry === 'attempt')).toHaveLength(1)
  expect(runs.all).toHaveLength(1)
})

it.each(['group', 'host'] as const)(
  'gives the same answer again to a server that lost the end of it: %s',
  async (of) => {
    const { journal, runs, ask } = open()
    const first = ask(of)
    ;(await runs.next()).succeed('once')
    const answer = await first
    journal.isAnswered = true
    expect(await ask(of)).toEqual(answer)
    // and so does a host that knows nothing of it, and has no place left
    const other = open()
    other.journal.entries.push(...journal.entries)
    other.journal.isAnswered = true
    if (of === 'host') void other.ask('host', { id: 'other', code: '' })
    expect(await other.ask(of)).toEqual(answer)
    expect(runs.all).toHaveLength(1)
  },
)

it('gives up what no host survives, before it runs once more', async () => {
  const { runs, journal, ask } = open()
  journal.entries.push('attempt', 'alive', 'attempt', 'attempt')
  expect(await ask('group')).toEqual({ type: 'abandoned', attempts: 3, reason: 'its host was lost' })
  expect(runs.all).toEqual([])
})

it('leaves the next attempt of what is for the group to the server', async () => {
  const { runs, ask } = open()
  const asked = ask('group')
  ;(await runs.next()).fail(new Error('no worker'))
  await expect(asked).rejects.toThrow('no worker')
})

it('makes the attempts of what is for this host itself, and says why it gives up', async () => {
  const { runs, clock, ask } = open()
  const asked = ask('host')
  for (let attempt = 1; attempt <= 3; attempt++) {
    const run = await runs.next()
    expect(run.attempt).toBe(attempt)
    run.fail(new Error(`no ${attempt}`))
    if (attempt === 3) break
    await new Promise(setImmediate)
    clock.advance(400)
  }
  expect(await asked).toEqual({ type: 'abandoned', attempts: 3, reason: 'no 3' })
})

it('shows that it lives while what is for this host waits for a place', async () => {
  const { runs, clock, journal, ask } = open()
  const other = ask('host', { id: 'other', code: '' })
  const running = await runs.next()
  const asked = ask('host')
  for (let signs = 1; signs <= 4; signs++) {
    await journal.has(signs)
    await new Promise(setImmediate)
    clock.advance(lostAfterMs / 3)
  }
  expect(new Set(journal.entries)).toEqual(new Set(['alive']))
  running.succeed()
  await other
  ;(await runs.next()).succeed('at last')
  expect(await asked).toMatchObject({ attempt: 1, outcome: { value: 'at last' } })
})

it('gives back the place of an invocation that ended while it waited for one', async () => {
  const { runs, ask } = open()
  const other = ask('host', { id: 'other', code: '' })
  const running = await runs.next()
  const over = new AbortController()
  const cut = ask('host', execution, over.signal).catch(() => {})
  await new Promise(setImmediate)
  over.abort()
  running.succeed()
  await other
  await cut
  const next = ask('group', { id: 'next', code: '' })
  ;(await runs.next()).succeed()
  expect(await next).toMatchObject({ type: 'outcome' })
})

it.each([null, {}, { id: 5 }, { ...execution, colour: 'red' }])('refuses %o once and for all', async (given) => {
  const { ask } = open()
  await expect(ask('group', given)).rejects.toMatchObject({ name: 'TerminalError', code: 400 })
})
