import { expect, it } from 'vitest'
import type { CompiledCell, CompileOptions } from './compile.ts'
import { type Compiler, createCompiler } from './compiler.ts'

function options(overrides: Partial<CompileOptions> = {}): CompileOptions {
  return { filename: '/cells/cell-1.js', language: 'auto', isConst: () => false, ...overrides }
}

/** As the engine uses it. */
function compiled(compiler: Compiler, source: string, given: CompileOptions): CompiledCell {
  return compiler.find(source, given) ?? compiler.compile(source, given)
}

it('gives the same result for the same source', () => {
  const compiler = createCompiler()
  const first = compiled(compiler, 'let x = 1', options())
  expect(compiled(compiler, 'let x = 1', options({ filename: '/cells/cell-2.js' }))).toBe(first)
  expect(compiler.counters).toEqual({ entries: 1, hits: 1, misses: 1, evictions: 0 })
})

it('keeps languages apart', () => {
  const compiler = createCompiler()
  compiled(compiler, '1', options())
  expect(compiled(compiler, '1', options({ language: 'ts' })).language).toBe('ts')
  expect(compiler.counters.misses).toBe(2)
})

it.each(['x = 2', 'await 0; x = 2', '() => x++'])('compiles %j anew when x has become a constant', (source) => {
  const compiler = createCompiler()
  const free = compiled(compiler, source, options())
  const constant = compiled(compiler, source, options({ isConst: (name) => name === 'x' }))
  expect(constant.code).not.toBe(free.code)
  expect(compiled(compiler, source, options({ isConst: (name) => name === 'y' || name === 'x' }))).toBe(constant)
})

it('compiles anew for another filename where the code carries it', () => {
  const compiler = createCompiler()
  const compile = (filename: string) => compiled(compiler, 'import.meta.url', options({ filename })).code
  expect(compile('/a.js')).toContain('/a.js')
  expect(compile('/b.js')).toContain('/b.js')
})

it('drops the least recently used', () => {
  const compiler = createCompiler({ entries: 2 })
  for (const source of ['1', '2', '1', '3', '1', '2']) compiled(compiler, source, options())
  expect(compiler.counters).toEqual({ entries: 2, hits: 2, misses: 4, evictions: 2 })
})

it('does not keep what is long, nor failures', () => {
  const compiler = createCompiler({ sourceLength: 5 })
  compiled(compiler, '1 + 2 + 3', options())
  expect(() => compiled(compiler, '(', options())).toThrow('Unexpected end of input')
  expect(compiler.counters.entries).toBe(0)
})
