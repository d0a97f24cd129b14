import { globSync, readFileSync } from 'node:fs'
import { Script } from 'node:vm'
import { Parser } from 'acorn'
import { describe, expect, it } from 'vitest'
import { compileCell } from '../src/compile/compile.ts'

const root = `${import.meta.dirname}/../../../node_modules/.pnpm`
const libraries = [
  'acorn@',
  'astring@',
  'fast-check@',
  'zod@',
  'eventemitter3@',
  'rollup@',
  'vite@',
  'vitest@',
  'nx@',
  'typescript@',
  'tsup@',
  '@types+node@',
]
const limitBytes = 200_000
const files = libraries
  .flatMap((name) => globSync(`${name}*/node_modules/**/*.{js,mjs,cjs}`, { cwd: root }))
  .filter((_, index) => index % 2 === 0)

const filename = '/cells/cell-1.js'

/** What a file is without Capsule: some fixtures in libraries are no JavaScript at all. */
function isJavaScript(source: string): boolean {
  for (const sourceType of ['script', 'module'] as const) {
    try {
      Parser.parse(source, { ecmaVersion: 'latest', sourceType, allowReturnOutsideFunction: false })
      return true
    } catch {
      // the other one
    }
  }
  return false
}

function lines(text: string): number {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).length
}

/** What V8 has against the text; undefined when it compiles. */
function problemOf(code: string): unknown {
  try {
    void new Script(code)
    return undefined
  } catch (error) {
    return error
  }
}

describe('cells made of library files', () => {
  it('are valid scripts after the rewriting, with as many lines', () => {
    let [checked, rewritten] = [0, 0]
    for (const file of files) {
      const source = readFileSync(`${root}/${file}`, 'utf8')
      if (source.length > limitBytes || !isJavaScript(source)) continue
      const { code } = compileCell(source, { filename, language: 'js', isConst: (name) => name.startsWith('e') })
      expect({ file, problem: problemOf(code), lines: lines(code) }).toEqual({ file, lines: lines(source) })
      checked++
      if (code !== source) rewritten++
    }
    expect(checked).toBeGreaterThan(500)
    expect(rewritten).toBeGreaterThan(300)
  }, 60_000)

  it('are valid as asynchronous cells too', () => {
    let checked = 0
    for (const file of files.filter((_, index) => index % 2 === 0)) {
      const source = readFileSync(`${root}/${file}`, 'utf8')
      if (source.length > limitBytes || !isJavaScript(source)) continue
      const cell = `${source}\n;await 0`
      let compiled
      try {
        compiled = compileCell(cell, { filename, language: 'js', isConst: () => false })
      } catch {
        // a name `await` in sloppy code
        continue
      }
      if (!compiled.isAsync) continue
      const { code } = compiled
      expect({ file, problem: problemOf(code), lines: lines(code) }).toEqual({ file, lines: lines(cell) })
      checked++
    }
    expect(checked).toBeGreaterThan(150)
  }, 60_000)
})
