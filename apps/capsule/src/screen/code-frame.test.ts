import { describe, expect, it } from 'vitest'
import { codeFrame } from './code-frame.ts'

describe('codeFrame', () => {
  it('shows the lines around a place and a caret under it', () => {
    expect(codeFrame('a\nb\nc d\ne\nf', { line: 3, column: 3 })).toBe('  1 | a\n  2 | b\n> 3 | c d\n    |   ^\n  4 | e')
  })

  it('leaves out the empty lines that stand for the rest of the file', () => {
    expect(codeFrame(`${'\n'.repeat(98)}x\ny`, { line: 99, column: 1 })).toBe('>  99 | x\n      | ^\n  100 | y')
  })

  it('keeps tabs, so that the caret stands under its character', () => {
    expect(codeFrame('\tx y', { line: 1, column: 4 })).toBe('> 1 | \tx y\n    | \t  ^')
  })

  it('is empty for a place outside of the code', () => {
    expect(codeFrame('a', { line: 2, column: 1 })).toBe('')
    expect(codeFrame('a', { line: 0 })).toBe('')
  })
})
