import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileGlob } from './glob.ts'

/** By the definition, with every way tried. */
function naive(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('**')) {
    const rest = pattern.slice(2)
    return Array.from({ length: text.length + 1 }, (_, taken) => text.slice(taken)).some((left) => naive(rest, left))
  }
  const [first] = pattern
  const rest = pattern.slice(1)
  if (first === '*') return naive(rest, text) || (text !== '' && text[0] !== '/' && naive(pattern, text.slice(1)))
  if (first === '?') return text !== '' && text[0] !== '/' && naive(rest, text.slice(1))
  return text[0] === first && naive(rest, text.slice(1))
}

it.each([
  ['data:/**', 'data:/a/b', true],
  ['data:/**', 'data:/', true],
  ['data:/**', 'logs:/a', false],
  ['data:/*', 'data:/a/b', false],
  ['data:/*.txt', 'data:/a.txt', true],
  ['**/*.txt', 'a/b/c.txt', true],
  ['**/*.txt', 'c.txt', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a.c', 'abc', false],
  ['a+(b)', 'a+(b)', true],
])('matches %s with %s: %s', (pattern, text, isMatch) => {
  expect(compileGlob(pattern)(text)).toBe(isMatch)
})

it('matches as its definition says', () => {
  const letters = fc.constantFrom('a', 'b', '/', '*', '?')
  const texts = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 })
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 7 }), texts, (pattern, text) => {
      const [glob, value] = [pattern.join(''), text.join('')]
      expect(compileGlob(glob)(value)).toBe(naive(glob, value))
    }),
    { numRuns: 5000 },
  )
})

it('takes no longer for patterns that make others try every way', () => {
  // 2^100 ways and more for a matcher that goes back
  expect(compileGlob(`${'*a'.repeat(100)}b`)('a'.repeat(10_000))).toBe(false)
  expect(compileGlob(`${'**a*'.repeat(60)}b`)('a'.repeat(10_000))).toBe(false)
})
