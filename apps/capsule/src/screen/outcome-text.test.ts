import type { Outcome } from '@capsule/session'
import { describe, expect, it } from 'vitest'
import { endingLines, errorText } from './outcome-text.ts'

const plain = (_look: string, text: string): string => text
const output = { bytes: 0, droppedBytes: 0, droppedChunks: 0 }
const base = { executionId: 'execution-1', durationMs: 12.4, output } as const

describe('errorText', () => {
  it.each([
    ['a message alone', { name: 'Error', message: 'no' }, 'Error: no'],
    ['a name alone', { name: 'Error', message: '' }, 'Error'],
    ['a code', { name: 'Error', message: 'no', code: 'E_NO' }, 'Error: no [E_NO]'],
    ['a code that the message has', { name: 'Error', message: 'E_NO: no', code: 'E_NO' }, 'Error: E_NO: no'],
    ['frames', { name: 'Error', message: 'no', stack: 'Error: no\n    at a.ts:1:1' }, 'Error: no\n    at a.ts:1:1'],
    ['a thrown value', { name: '5', message: '', thrown: 5, stack: 'x' }, 'Uncaught 5'],
    [
      'a cause',
      { name: 'Error', message: 'no', cause: { name: 'TypeError', message: 'why' } },
      'Error: no\n  [cause]: TypeError: why',
    ],
    [
      'several errors',
      {
        name: 'AggregateError',
        message: 'all',
        errors: [
          { name: 'Error', message: '1' },
          { name: 'Error', message: '2' },
        ],
      },
      'AggregateError: all\n  Error: 1\n  Error: 2',
    ],
  ])('shows %s', (_title, error, expected) => {
    expect(errorText(error, { paint: plain })).toBe(expected)
  })

  it('shows the code once: a syntax error brings its own caret', () => {
    const stack = 'a.ts:1\nconst = 1\n      ^\n\nSyntaxError: Unexpected token\n    at a.ts:1:7'
    const error = { name: 'SyntaxError', message: 'Unexpected token', line: 1, column: 7, stack }
    expect(errorText(error, { code: 'const = 1', paint: plain })).toBe(stack)
  })
})

describe('endingLines', () => {
  it.each<[Partial<Outcome>, string[]]>([
    [{ status: 'ok', state: 'kept' }, []],
    [{ status: 'error', state: 'kept' }, []],
    [{ status: 'cancelled', state: 'kept' }, ['Cancelled after 12 ms.', 'The bindings of this session are kept.']],
    [{ status: 'timed-out', state: 'lost' }, ['Timed out after 12 ms.', 'The bindings of this session are lost.']],
    [
      { status: 'crashed', state: 'lost', exit: { code: 3, signal: null, stderrTail: 'oh\nno\n' } },
      [
        'The worker exited with code 3.',
        'The bindings of this session are lost.',
        'It last wrote to standard error:',
        '  oh',
        '  no',
      ],
    ],
    [
      { status: 'crashed', state: 'lost', exit: { code: null, signal: 'SIGKILL', stderrTail: '' } },
      ['The worker was killed by SIGKILL.', 'The bindings of this session are lost.'],
    ],
    [
      { status: 'crashed', state: 'rolled-back', error: { name: 'Error', message: 'no worker' } },
      ['no worker', 'The bindings are those of the last checkpoint.'],
    ],
  ])('tells the truth about %j', (outcome, lines) => {
    expect(endingLines({ ...base, ...outcome } as Outcome)).toEqual(lines)
  })
})
