import { expect, it } from 'vitest'
import type { CompileOptions } from './compile.ts'
import { createCompiler } from './compiler.ts'

function options(overrides: Partial<CompileOptions> = {}): CompileOptions {
  return { filename: '/cells/cell-1.js', language: 'auto', isConst: () => false, ...overrides }
}

it('gives the same result for the same source', () => {
  const compiler = createCompiler()
  const first = compiler.compile('let x = 1', options())
  expect(compiler.compile('let x = 1', options({ filename: '/cells/cell-2.js' }))).toBe(first)
  expect(compiler.counters).toEqual({ entries: 1, hits: 1, misses: 1, evictions: 0 })
})

it('keeps languages apart', () => {
  const compiler = createCompiler()
  compiler.compile('1', options())
  expect(compiler.compile('1', options({ language: 'ts' })).language).toBe('ts')
  expect(compiler.counters.misses).toBe(2)
})

it.each(['x = 2', 'await 0; x = 2', '() => x++'])('compiles %j anew when x has become a constant', (source) => {
  const compiler = createCompiler()
  const free = compiler.compile(source, options())
  const constant = compiler.compile(source, options({ isConst: (name) => name === 'x' }))
  expect(constant.code).not.toBe(free.code)
  expect(compiler.compile(source, options({ isConst: (name) => name === 'y' || name === 'x' }))).toBe(constant)
})

it('compiles anew for another filename where the code carries it', () => {
  const compiler = createCompiler()
  const compile = (filename: string) => compiler.compile('import.meta.url', options({ filename })).code
  expect(compile('/a.js')).toContain('/a.js')
  expect(compile('/b.js')).toContain('/b.js')
})

it('drops the least recently used', () => {
  const compiler = createCompiler({ entries: 2 })
  for (const source of ['1', '2', '1', '3', '1', '2']) compiler.compile(source, options())
  expect(compiler.counters).toEqual({ entries: 2, hits: 2, misses: 4, evictions: 2 })
})

it('does not keep what is long, nor failures', () => {
  const compiler = createCompiler({ sourceLength: 5 })
  compiler.compile('1 + 2 + 3', options())
  expect(() => compiler.compile('(', options())).toThrow('Unexpected end of input')
  expect(compiler.counters.entries).toBe(0)
})
