import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { writtenText } from '../../test/written-text.ts'
import { createScreen } from '../screen/screen.ts'
import type { Answers } from './answers.ts'
import { createTerminalAnswers } from './terminal-answers.ts'

const never = new AbortController().signal

function terminal(onInterrupt = (): void => {}): { input: PassThrough; answers: Answers; shown: () => string } {
  const input = new PassThrough()
  const output = new PassThrough()
  const screen = createScreen({ stdout: output, stderr: new PassThrough() })
  const answers = createTerminalAnswers({ input, output, screen, stream: 'stdout', onInterrupt })
  return { input, answers, shown: () => writtenText(output) }
}

it('resolves to the line that is typed', async () => {
  const { input, answers, shown } = terminal()
  const answer = answers.ask({ prompt: 'one\ntwo? ' }, never)
  input.write('Adda\x7f\x7fa\r')
  expect(await answer).toBe('Ada')
  expect(shown()).toMatch(/^one\n.*two\? /s)
})

it('does not show a secret', async () => {
  const { input, answers, shown } = terminal()
  const answer = answers.ask({ prompt: 'key? ', secret: true }, never)
  input.write('hunter2\r')
  expect(await answer).toBe('hunter2')
  expect(shown()).toContain('key? ')
  expect(shown()).not.toContain('hunter')
})

it('keeps the other lines of a paste for the prompts that follow', async () => {
  const { input, answers } = terminal()
  const answer = answers.ask({ prompt: '1? ' }, never)
  input.write('a\rb\r')
  expect(await answer).toBe('a')
  expect(await answers.ask({ prompt: '2? ' }, never)).toBe('b')
})

it('takes Ctrl-D for the end of one answer only', async () => {
  const { input, answers } = terminal()
  const first = answers.ask({ prompt: '1? ' }, never)
  input.write('\x04')
  expect(await first).toBeNull()
  const second = answers.ask({ prompt: '2? ' }, never)
  input.write('x\r')
  expect(await second).toBe('x')
})

it('hands Ctrl-C on, and gives up when that cancels the cell', async () => {
  const cell = new AbortController()
  const { input, answers } = terminal(() => cell.abort())
  const answer = answers.ask({ prompt: '? ' }, cell.signal)
  input.write('half\x03')
  expect(await answer).toBeNull()
  expect(cell.signal.aborted).toBe(true)
})
