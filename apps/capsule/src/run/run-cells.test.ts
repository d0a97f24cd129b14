import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createFakeSession, type FakeScript, type FakeSession } from '../../test/fake-session.ts'
import { writtenText } from '../../test/written-text.ts'
import { splitCells } from '../cells/split.ts'
import { createScreen } from '../screen/screen.ts'
import { createLineAnswers } from './answers.ts'
import { createJsonReporter } from './json-reporter.ts'
import type { RunSummary } from './reporter.ts'
import { runCells } from './run-cells.ts'
import { createTextReporter } from './text-reporter.ts'

interface Setup {
  readonly text: string
  readonly script: FakeScript
  readonly json?: boolean
  readonly quiet?: boolean
  readonly keepGoing?: boolean
  /** `open`: a pipe in which nothing comes. */
  readonly stdin?: string | { readonly open: true }
  readonly cancel?: AbortController
  readonly kill?: AbortController
}

interface Shown {
  readonly summary: RunSummary
  readonly stdout: string
  readonly stderr: string
  readonly session: FakeSession
}

async function run({
  text,
  script,
  json = false,
  quiet = false,
  keepGoing = false,
  stdin,
  ...stop
}: Setup): Promise<Shown> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const screen = createScreen({ stdout, stderr })
  const input = new PassThrough()
  if (typeof stdin === 'string') input.end(stdin)
  const session = createFakeSession(script)
  using answers = createLineAnswers({
    input: stdin === undefined ? undefined : input,
    screen: json ? undefined : screen,
  })
  const summary = await runCells({
    session,
    cells: splitCells(text, { file: 'a.ts', filename: '/x/a.ts' }),
    reporter: json ? createJsonReporter(screen) : createTextReporter({ screen, quiet }),
    answers,
    keepGoing,
    cancel: (stop.cancel ?? new AbortController()).signal,
    kill: (stop.kill ?? new AbortController()).signal,
  })
  return { summary, stdout: writtenText(stdout), stderr: writtenText(stderr), session }
}

const three = 'a\n// %%\nb\n// %%\nc'
const failAt =
  (code: string, said: object): FakeScript =>
  (cell) =>
    cell.code.trim() === code ? said : { text: `<${cell.code.trim()}>` }

describe('runCells', () => {
  it('runs every cell in order, at its place in the file, and prints values', async () => {
    const { summary, stdout, session } = await run({ text: three, script: failAt('', {}) })
    expect(session.executed.map(({ code }) => code)).toEqual(['a', '\n\nb', '\n\n\n\nc'])
    expect(session.executed[0]?.options).toMatchObject({ filename: '/x/a.ts', language: 'ts' })
    expect(stdout).toBe('<a>\n<b>\n<c>\n')
    expect(summary).toMatchObject({ status: 'ok', exitCode: 0, cells: 3, ran: 3, failed: 0 })
  })

  it('starts a value on a line of its own', async () => {
    const script: FakeScript = ({ emit }) => {
      emit({ type: 'output', stream: 'stdout', text: 'no end' })
      return { text: '1' }
    }
    expect((await run({ text: 'a', script })).stdout).toBe('no end\n1\n')
  })

  it('prints no values and no text cells when quiet', async () => {
    const text = '// %% [markdown]\n// hello\n// %%\na'
    expect((await run({ text, script: failAt('', {}) })).stdout).toBe('hello\n<a>\n')
    expect((await run({ text, script: failAt('', {}), quiet: true })).stdout).toBe('')
  })

  it.each([
    ['error', 1],
    ['cancelled', 130],
    ['timed-out', 124],
    ['crashed', 70],
  ] as const)('stops at a cell that ends as %s, with exit code %i', async (status, exitCode) => {
    const { summary, session } = await run({ text: three, script: failAt('b', { status }) })
    expect(summary).toMatchObject({ status, exitCode, cells: 3, ran: 2, failed: 1 })
    expect(session.executed).toHaveLength(2)
  })

  it('goes on after a failure when asked to, and the first failure decides', async () => {
    const script: FakeScript = ({ code }) => ({ status: code === 'a' ? 'timed-out' : 'error' })
    const { summary } = await run({ text: three, script, keepGoing: true })
    expect(summary).toMatchObject({ status: 'timed-out', exitCode: 124, ran: 3, failed: 3 })
  })

  it('does not count an error that a tag announces, and skips what a tag skips', async () => {
    const text = '// %% tags=["raises-exception"]\na\n// %% tags=["skip-execution"]\nb\n// %%\nc'
    const { summary, session } = await run({ text, script: failAt('a', { status: 'error' }) })
    expect(summary).toMatchObject({ status: 'ok', exitCode: 0, ran: 2, failed: 0 })
    expect(session.executed.map(({ code }) => code.trim())).toEqual(['a', 'c'])
  })

  it('shows where an error is, with the line of the file', async () => {
    const error = { name: 'Error', message: 'no', line: 3, column: 1, stack: 'Error: no\n    at a.ts:3:1' }
    const { stderr } = await run({ text: three, script: failAt('b', { status: 'error', error }) })
    expect(stderr).toBe('a.ts:3 did not end well: error\nError: no\n> 3 | b\n    | ^\n    at a.ts:3:1\n')
  })

  it('exits with 1 when a cell caused an uncaught error, though every outcome is ok', async () => {
    const script: FakeScript = ({ emit }) => emit({ type: 'error', error: { name: 'Error', message: 'lost' } })
    const { summary, stderr } = await run({ text: 'a', script })
    expect(summary).toMatchObject({ status: 'error', exitCode: 1, ran: 1, failed: 0 })
    expect(stderr).toContain('Uncaught in a.ts:1:\nError: lost')
  })

  it('answers prompts with lines, then with the end of the input', async () => {
    const script: FakeScript = async ({ ask }) => ({
      text: JSON.stringify([await ask('1? '), await ask('2? '), await ask('3? ')]),
    })
    const { stdout } = await run({ text: 'a', script, stdin: 'one\r\ntwo' })
    expect(stdout).toBe('1? \n2? \n3? \n["one","two",null]\n')
  })

  it('keeps a line for the next cell that asks', async () => {
    const script: FakeScript = async ({ ask }) => ({ text: String(await ask('? ')) })
    expect((await run({ text: 'a\n// %%\nb', script, stdin: '1\n2\n3\n' })).stdout).toBe('? \n1\n? \n2\n')
  })

  it('ends prompts at once when code came from standard input', async () => {
    const script: FakeScript = async ({ ask }) => ({ text: String(await ask('? ')) })
    expect((await run({ text: 'a', script })).stdout).toBe('? \nnull\n')
  })

  it('gives up waiting for an answer when the cell is over', async () => {
    const script: FakeScript = ({ ask }) => {
      void ask('? ')
      return { status: 'timed-out' }
    }
    const { summary } = await run({ text: 'a', script, stdin: { open: true } })
    expect(summary.status).toBe('timed-out')
  })

  it('cancels the running cell, runs no other, and exits with 130', async () => {
    const cancel = new AbortController()
    const script: FakeScript = async (cell) => {
      cancel.abort()
      await cell.cancelled
      return { status: 'cancelled' }
    }
    const { summary, session } = await run({ text: three, script, cancel, keepGoing: true })
    expect(session.executed).toHaveLength(1)
    expect(summary).toMatchObject({ status: 'cancelled', exitCode: 130 })
  })

  it('leaves no grace when asked a second time', async () => {
    const kill = new AbortController()
    let graceMs: number | undefined
    const script: FakeScript = async (cell) => {
      await Promise.resolve()
      kill.abort()
      graceMs = (await cell.cancelled).graceMs
      return { status: 'cancelled', state: 'lost' }
    }
    const { stderr } = await run({ text: 'a', script, kill })
    expect(graceMs).toBe(0)
    expect(stderr).toContain('The bindings of this session are lost.')
  })

  it('prints one JSON object a line, the summary last', async () => {
    const script: FakeScript = async ({ code, emit, ask }) => {
      emit({ type: 'output', stream: 'stderr', text: 'x\n' })
      await ask('? ')
      return { value: { big: 1n }, text: code.trim() }
    }
    const { stdout } = await run({ text: '// %% T\na', script, json: true })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const place = { index: 0, file: 'a.ts', executionId: 'execution-1' }
    expect(lines).toEqual([
      { type: 'output', stream: 'stderr', text: 'x\n', ...place },
      { type: 'input-request', inputId: 'input-1', prompt: '? ', ...place },
      {
        type: 'outcome',
        status: 'ok',
        state: 'kept',
        durationMs: 1,
        text: 'a',
        value: { big: { $type: 'bigint', value: '1' } },
        output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
        line: 2,
        title: 'T',
        ...place,
      },
      {
        type: 'summary',
        status: 'ok',
        exitCode: 0,
        cells: 1,
        ran: 1,
        failed: 0,
        durationMs: expect.any(Number) as number,
      },
    ])
  })

  it('names the cell that caused late output', async () => {
    const sessions: FakeSession[] = []
    const script: FakeScript = ({ code, executionId }) => {
      if (code === 'a') return
      const event = { type: 'output', stream: 'stdout', text: 'late', late: true, executionId: 'execution-1' } as const
      expect(executionId).toBe('execution-2')
      sessions[0]?.fire('late', event)
    }
    const stdout = new PassThrough()
    const screen = createScreen({ stdout, stderr: new PassThrough() })
    const session = createFakeSession(script)
    sessions.push(session)
    await runCells({
      session,
      cells: splitCells('a\n// %%\nb', { file: 'a.ts', filename: '/x/a.ts' }),
      reporter: createJsonReporter(screen),
      answers: createLineAnswers({}),
      keepGoing: false,
      cancel: new AbortController().signal,
      kill: new AbortController().signal,
    })
    const late = writtenText(stdout)
      .split('\n')
      .find((line) => line.includes('"late"'))
    expect(JSON.parse(late ?? '{}')).toMatchObject({ text: 'late', late: true, index: 0 })
  })
})
