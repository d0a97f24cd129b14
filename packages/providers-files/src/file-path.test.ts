import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatFilePath, nameProblem, parseFilePath, type PathRules } from './file-path.ts'

const rules: PathRules = { rootNames: ['data', 'out'], maxNameBytes: 255, platform: 'linux' }
const alone: PathRules = { ...rules, rootNames: ['data'] }

const spelling = (text: string, by = rules): string => {
  const parsed = parseFilePath(text, by)
  return 'path' in parsed ? formatFilePath(parsed.path) : `refused: ${parsed.problem}`
}

describe('a path', () => {
  it('names a root, and names of directories and files in it', () => {
    expect(parseFilePath('data:/reports/a.txt', rules)).toEqual({
      path: { root: 'data', segments: ['reports', 'a.txt'] },
    })
    expect(parseFilePath('out:/', rules)).toEqual({ path: { root: 'out', segments: [] } })
    // whether there is such a root is another question
    expect(spelling('other:/a')).toBe('other:/a')
  })

  it('may leave out the root when there is only one', () => {
    expect(spelling('reports/a.txt', alone)).toBe('data:/reports/a.txt')
    expect(spelling('reports/a.txt')).toMatch(/names no root/)
    expect(spelling('a:b/c.txt', alone)).toMatch(/':'/)
    expect(spelling('data:/a:b.txt', alone)).toBe('data:/a:b.txt')
  })

  it.each([
    ['', /empty/],
    ['/etc/passwd', /host/],
    ['data:', /':'/],
    ['data:a', /':'/],
    ['data://a', /empty name/],
    ['data:/a//b', /empty name/],
    ['data:/a/', /empty name/],
    ['data:/..', /'\.\.'/],
    ['data:/a/../b', /'\.\.'/],
    ['data:/./a', /'\.'/],
    ['data:/a\\b', /'\\'/],
    ['data:/a\0b', /control/],
    ['data:/a\nb', /control/],
    ['data:/a\u0085b', /control/],
    ['data:/\ud800', /surrogate/],
    ['da ta:/a', /root name/],
    [':/a', /root name/],
    ['1a:/a', /root name/],
    [`data:/${'a'.repeat(256)}`, /255 bytes/],
    [`data:/${'é'.repeat(128)}`, /255 bytes/],
    [`data:/${'a/'.repeat(1024)}a`, /1024 characters/],
    ['data:/.capsule-0123456789abcdef.tmp', /reserved/],
    ['data:/a/.CAPSULE-0123456789ABCDEF.tmp', /reserved/],
  ])('%j is refused', (text, problem) => {
    expect(spelling(text)).toMatch(problem)
    expect(spelling(text)).toMatch(/^refused/)
  })

  it('keeps what looks odd and is not: unicode, blanks, percent signs, dots', () => {
    for (const name of ['é', 'e\u0301', '💾', ' a ', '%2e%2e', '...', '..a', '~', '$HOME', '*', '[a]'])
      expect(spelling(`data:/${name}/x`)).toBe(`data:/${name}/x`)
  })

  it('has names that Windows takes for something else refused there only', () => {
    const names = ['a:b', 'CON', 'con.txt', 'COM1', 'lpt9.log', 'a.', 'a ', 'a?b', 'aux .txt', 'CONIN$', 'com²']
    const fine = ['console', 'com', 'com10', 'a.con']
    const isRefused = (platform: NodeJS.Platform) => (name: string) =>
      nameProblem(name, { ...rules, platform }) !== undefined
    expect([...names, ...fine].filter(isRefused('linux'))).toEqual([])
    expect([...names, ...fine].filter(isRefused('win32'))).toEqual(names)
  })
})

const pieces = fc.oneof(
  fc.constantFrom('..', '.', '', 'a', 'b.txt', 'data:', 'out:', ':', '/', '\\', '\0', '\ud800', '%2f', 'é', '*'),
  fc.string({ unit: 'binary', maxLength: 5 }),
)
const hostilePaths = fc
  .tuple(fc.constantFrom('', 'data:/', 'out:/', '/', 'data:'), fc.array(pieces, { maxLength: 6 }))
  .map(([start, names]) => start + names.join('/'))

describe('whatever is given as a path', () => {
  it('is refused or has exactly one spelling, without a name that leads elsewhere', () => {
    fc.assert(
      fc.property(hostilePaths, fc.constantFrom(rules, alone), (text, by) => {
        const parsed = parseFilePath(text, by)
        if (!('path' in parsed)) return
        const again = formatFilePath(parsed.path)
        expect(parseFilePath(again, by)).toEqual(parsed)
        expect(spelling(again, by)).toBe(again)
        for (const name of parsed.path.segments) expect(name).not.toMatch(/^$|^\.\.?$|[/\\\0]/)
        // no two names are one on the disk
        expect(Buffer.from(again).toString()).toBe(again)
      }),
      { numRuns: 2000 },
    )
  })
})
