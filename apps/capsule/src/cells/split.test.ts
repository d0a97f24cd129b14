import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { executableText } from './cell.ts'
import { splitCells } from './split.ts'

const split = (text: string, file = 'a.ts'): ReturnType<typeof splitCells> =>
  splitCells(text, { file, filename: `/x/${file}` })
const short = (text: string, file?: string): unknown[] => split(text, file).map(({ line, source }) => [line, source])

describe('percent cells', () => {
  it('gives a file without a marker as one cell', () => {
    expect(split('const a = 1\na\n')).toEqual([
      {
        kind: 'code',
        file: 'a.ts',
        filename: '/x/a.ts',
        language: 'ts',
        tags: [],
        line: 1,
        source: 'const a = 1\na\n',
      },
    ])
  })

  it('starts a cell at each marker and keeps the code before the first', () => {
    expect(short('one\n// %%\ntwo\n//%%\nthree')).toEqual([
      [1, 'one'],
      [3, 'two'],
      [5, 'three'],
    ])
  })

  it('leaves cells without code out', () => {
    expect(short('#!/usr/bin/env capsule\n// a comment\n// %%\n// another\n\n// %%\n// and\nx')).toEqual([
      [7, '// and\nx'],
    ])
    expect(short('\n// %%\n\n// %%\n \n// %%\nx\n// %%')).toEqual([[7, 'x']])
    expect(short('')).toEqual([])
  })

  it.each(['// %%x', '# %%', '  // %%', '/// %%', 'a // %%', '// % %'])('does not take %j for a marker', (line) => {
    expect(split(`a\n${line}\nb`)).toHaveLength(1)
  })

  it.each([
    ['// %% A title', { title: 'A title', tags: [] }],
    ['// %%\tA title  ', { title: 'A title', tags: [] }],
    ['// %% A title tags=["one", "two"] key="x"', { title: 'A title', tags: ['one', 'two'] }],
    ["// %% tags=['one']", { tags: ['one'] }],
    ['// %% [markdown]', { kind: 'text', tags: [] }],
    ['// %% Notes [md] tags=["x"]', { kind: 'text', title: 'Notes', tags: ['x'] }],
    ['// %% [raw]', { kind: 'text', tags: [] }],
    ['// %% arr[0]', { kind: 'code', title: 'arr[0]', tags: [] }],
  ])('reads the header %j', (header, expected) => {
    const { kind, title, tags } = split(`${header}\nx`)[0] ?? {}
    expect({ kind, tags, ...(title !== undefined && { title }) }).toEqual({ kind: 'code', ...expected })
  })

  it('takes the comment marks off a text cell', () => {
    expect(short('// %% [markdown]\n// # Hi\n//\n// there\n')).toEqual([[2, '# Hi\n\nthere']])
    expect(short('// %% [markdown]\n/*\n * # Hi\n * there\n */\n')).toEqual([[2, '# Hi\nthere']])
  })

  it('copes with a byte order mark and with CRLF', () => {
    expect(short('\uFEFF// %%\r\na\r\n// %% T\r\nb\r\n')).toEqual([
      [2, 'a\r'],
      [4, 'b\r\n'],
    ])
    expect(split('// %% T\r\nb')[0]?.title).toBe('T')
  })

  it.each([
    ['a.ts', 'ts'],
    ['a.mts', 'ts'],
    ['a.tsx', 'tsx'],
    ['a.js', 'js'],
    ['a.MJS', 'js'],
    ['a.cjs', 'js'],
    ['a.jsx', 'jsx'],
    ['[stdin]', 'auto'],
  ])('reads the language of %s as %s', (file, language) => {
    expect(split('1', file)[0]?.language).toBe(language)
  })

  it('keeps every line of code at its place in the file', () => {
    const line = fc.constantFrom('// %%', '// %% t', '', 'const a = 1', '  b()', '/* c', '*/', '`')
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        // each cell's lines, laid over the empty lines of all
        const rebuilt = lines.map(() => '')
        for (const cell of split(lines.join('\n'))) {
          const own = executableText(cell).split('\n')
          expect(own.slice(0, cell.line - 1).join('')).toBe('')
          for (const [index, text] of own.entries()) rebuilt[index] += text
        }
        expect(rebuilt).toEqual(lines.map((text) => (text.startsWith('// %%') ? '' : text)))
      }),
    )
  })
})

describe('Markdown cells', () => {
  const tick = '```'
  it.each([
    [
      'takes the fences that run',
      `a\n${tick}js\n1\n${tick}\n${tick}ts\n2\n${tick}\n`,
      [
        [3, '1'],
        [6, '2'],
      ],
    ],
    ['skips other languages and none', `${tick}\n1\n${tick}\n${tick}sh\n2\n${tick}\n${tick}json\n3\n${tick}`, []],
    ['takes tildes', '~~~js\n1\n~~~', [[2, '1']]],
    ['does not end a fence at the other mark', `~~~js\n${tick}\n~~~`, [[2, tick]]],
    [
      'ends a long fence at one as long',
      `${tick}${tick}js\n${tick}js\nx\n${tick}\n${tick}${tick}`,
      [[2, `${tick}js\nx\n${tick}`]],
    ],
    ['does not look inside a fence of another language', `${tick}\`md\n${tick}js\n1\n${tick}\n${tick}\``, []],
    ['ends a fence at a longer one', `${tick}js\n1\n${tick}\`\ntext`, [[2, '1']]],
    ['takes an unclosed fence to the end', `${tick}js\n1\n2`, [[2, '1\n2']]],
    [
      'takes the indentation off',
      `- item\n\n  ${tick}js\n  if (x) {\n    y()\n  }\n  ${tick}\n`,
      [[4, 'if (x) {\n  y()\n}']],
    ],
    ['reads past the language', `${tick}js title="x.js"\n1\n${tick}`, [[2, '1']]],
    ['does not take inline code for a fence', `${tick}js${tick}\ntext\n`, []],
    ['skips blank blocks', `${tick}js\n\n${tick}`, []],
    ['copes with CRLF', `${tick}js\r\n1\r\n${tick}\r\ntext\r\n`, [[2, '1\r']]],
    ['does not split at percent lines', `${tick}js\n1\n// %%\n2\n${tick}`, [[2, '1\n// %%\n2']]],
  ])('%s', (_title, text, expected) => {
    expect(short(text, 'a.md')).toEqual(expected)
  })

  it.each([
    ['js', 'js'],
    ['JavaScript', 'js'],
    ['mjs', 'js'],
    ['typescript', 'ts'],
    ['jsx', 'jsx'],
    ['tsx', 'tsx'],
  ])('reads the language %s as %s', (name, language) => {
    expect(split(`${tick}${name}\n1\n${tick}`, 'a.md')[0]?.language).toBe(language)
  })

  it('does not take an inherited property for a language', () => {
    expect(split(`${tick}constructor\n1\n${tick}`, 'a.md')).toEqual([])
  })

  it('keeps every line of code at its place in the file', () => {
    const line = fc.constantFrom(tick, `${tick}js`, `${tick}ts`, `~~~js`, '~~~', `${tick}${tick}`, 'text', '')
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const cell of split(lines.join('\n'), 'a.md')) {
          expect(
            lines
              .slice(cell.line - 1)
              .join('\n')
              .startsWith(cell.source),
          ).toBe(true)
          expect(lines[cell.line - 2]).toMatch(/js|ts/)
        }
      }),
    )
  })
})
