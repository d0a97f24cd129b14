import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { argv, type ArgvPart, literal, oneOf, option, pathInside, pattern, relativePath, rest, text } from './argv.ts'

/** The argument list, or the position and the problem. */
function check(parts: readonly ArgvPart[], ...args: string[]): unknown {
  const { success, data, error } = argv(parts).safeParse(args)
  return success ? data : error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')
}

it('takes exactly its parts, in their order', () => {
  const parts = [
    literal('log'),
    option('--depth', pattern(/\d+/)).optional(),
    oneOf(['a', 'b']),
    text('name').optional(),
  ]
  expect(check(parts, 'log', 'a')).toEqual(['log', 'a'])
  expect(check(parts, 'log', '--depth', '3', 'b', 'x')).toEqual(['log', '--depth', '3', 'b', 'x'])
  expect(check(parts)).toBe('0 is missing: log')
  expect(check(parts, 'push')).toBe('0 must be "log"')
  expect(check(parts, 'log', '--depth')).toBe('1 must be one of "a", "b"')
  expect(check(parts, 'log', '--depth', 'x', 'a')).toBe('1 must be one of "a", "b"')
  expect(check(parts, 'log', 'c')).toBe('1 must be one of "a", "b"')
  expect(check(parts, 'log', 'a', '-x')).toBe('2 must not begin with -')
  expect(check(parts, 'log', 'a', 'x', 'y')).toBe('3 is one too many after log [--depth /\\d+/] a|b [name]')
  expect(check([])).toEqual([])
  expect(check([], 'x')).toBe('0 is one too many after none')
})

it('takes as many as there are, within bounds', () => {
  const parts = [rest(pattern(/[a-z]+/), { min: 1, max: 3 })]
  expect(check(parts, 'a', 'b', 'c')).toEqual(['a', 'b', 'c'])
  expect(check(parts)).toBe('0 is missing: /[a-z]+/')
  expect(check(parts, 'a', 'B')).toBe('1 must match /[a-z]+/')
  expect(check(parts, 'a', 'b', 'c', 'd')).toContain('3 is one too many')
  expect(check([rest(text()), literal('--end')], 'a', 'b', '--end')).toEqual(['a', 'b', '--end'])
  // a part that may be empty does not go on for ever
  expect(check([rest(text().optional())], '-x')).toBe('0 must not begin with -')
  expect(check([rest(option('-e', text()))], '-e', 'a', '-e', 'b')).toEqual(['-e', 'a', '-e', 'b'])
  expect(check([rest(option('-e', text()))], '-e', 'a', '-e')).toBe('3 is missing: text')
})

it('matches a pattern with the whole argument, line by line or not, and every time', () => {
  const digits = pattern(/\d+/gm)
  for (let round = 0; round < 3; round++) expect(check([digits], '12')).toEqual(['12'])
  expect(check([digits], '12\n--evil')).toBe('0 must match /\\d+/gm')
  expect(check([pattern(/a|b/)], 'ax')).toBe('0 must match /a|b/')
  expect(check([pattern(/-\w/)], '-x')).toBe('0 must not begin with -')
  expect(check([pattern(/-\w/, { allowDash: true })], '-x')).toEqual(['-x'])
})

it('refuses whatever begins with a dash where no option is named', () => {
  const parts = [text(), relativePath(), pattern(/.*/s), rest(text())]
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 3 }), fc.nat(), fc.string(), (args, at, tail) => {
      const hostile = args.with(at % args.length, `-${tail}`)
      expect(argv(parts).safeParse(hostile).success).toBe(false)
    }),
  )
})

it('never changes what it lets through, and never throws', () => {
  const parts = [oneOf(['a', '$(b)']).optional(), rest(text())]
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (args) => {
      const hasOption = args.some((argument) => argument.startsWith('-'))
      expect(argv(parts).safeParse(args).data).toEqual(hasOption ? undefined : args)
    }),
  )
})

it('takes relative paths by their text', () => {
  for (const path of ['a', 'a/b', './a', 'a..b', '...', 'a/./b']) expect(check([relativePath()], path)).toEqual([path])
  for (const path of ['', '/', '/a', '..', '../a', 'a/..', 'a/../../b', 'a\\..\\b', '-a']) {
    expect(check([relativePath()], path)).toMatch(/^0 must/)
  }
})

it('takes paths inside of a directory by where they lead', () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'capsule-argv-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const root = join(base, 'root')
  mkdirSync(join(root, 'sub'), { recursive: true })
  writeFileSync(join(base, 'outside'), '')
  symlinkSync(join(base, 'outside'), join(root, 'out'))
  symlinkSync(base, join(root, 'up'))
  symlinkSync(join(base, 'not-yet'), join(root, 'dangling'))
  symlinkSync('sub', join(root, 'inner'))
  symlinkSync('loop', join(root, 'loop'))
  symlinkSync(root, join(base, 'alias'))
  const parts = [pathInside(join(base, 'alias'))]
  const inside = {
    'sub/x': 'sub/x',
    '.': '.',
    'inner/y': 'inner/y',
    '-rf': '-rf',
    'sub/../new': 'new',
    'a/b/c': 'a/b/c',
  }
  for (const [path, expected] of Object.entries(inside)) expect(check(parts, path)).toEqual([join(root, expected)])
  expect(check(parts, join(root, 'sub'))).toEqual([join(root, 'sub')])
  const problem = '0 must be a path that stays inside of its directory'
  for (const path of [
    '..',
    '../outside',
    'out',
    'up/outside',
    'up/new',
    'dangling',
    'loop',
    '/etc/passwd',
    'sub/../..',
    `${root}2`,
  ]) {
    expect([path, check(parts, path)]).toEqual([path, problem])
  }
  expect(check(parts)).toBe('0 is missing: path')
  expect(() => pathInside(join(base, 'outside'))).toThrow(/not a directory/)
})
