import { expect, it } from 'vitest'
import * as z from 'zod'
import { checkArguments, defaultArguments } from './check-arguments.ts'
import { shellErrors } from './errors.ts'

const strings = z.array(z.string())

function problemsOf(args: readonly string[], schema: z.ZodType<readonly string[]> = strings): readonly string[] {
  try {
    checkArguments('tool', schema, args)
  } catch (error) {
    if (shellErrors.SHELL_ARGUMENTS_INVALID.is(error)) return error.details.problems
    throw error
  }
  return []
}

it('takes any zod schema, and what it makes of the arguments', () => {
  expect(checkArguments('tool', strings, ['-x', ''])).toEqual(['-x', ''])
  expect(checkArguments('tool', z.tuple([z.literal('a'), z.string().transform((s) => `${s}!`)]), ['a', 'b'])).toEqual([
    'a',
    'b!',
  ])
  expect(problemsOf(['a', 'b'], z.tuple([z.literal('a')]))).toEqual([expect.stringMatching(/^args /)])
  expect(problemsOf(['b'], z.tuple([z.literal('a')]))).toEqual([expect.stringMatching(/^args\[0\] /)])
})

it('refuses options where the host says nothing', () => {
  expect(checkArguments('tool', defaultArguments, ['a', '', 'b c'])).toEqual(['a', '', 'b c'])
  expect(problemsOf(['a', '-x'], defaultArguments)).toEqual(['args[1] must not begin with -'])
  expect(problemsOf(['--'], defaultArguments)).toHaveLength(1)
})

it('refuses what no program can be given, from the cell and from the schema', () => {
  expect(problemsOf(['a', 'b\0c', '\ud800'])).toEqual([
    'args[1] must not contain NUL: no program can be given it',
    'args[2] must not contain half of a surrogate pair',
  ])
  expect(
    problemsOf(
      ['a'],
      strings.transform(() => ['\0']),
    ),
  ).toHaveLength(1)
  const numbers = strings.transform(() => [1]) as unknown as z.ZodType<string[]>
  expect(problemsOf(['a'], numbers)).toEqual(['the schema of the command does not give an array of strings'])
})

it('refuses more than a program can be given', () => {
  const longest = 'x'.repeat(128 * 1024 - 2)
  expect(problemsOf([longest])).toEqual([])
  expect(problemsOf([`${longest}x`])).toEqual([`they have 131072 bytes, over the limit of 131071`])
  expect(problemsOf(['ä'.repeat(70_000)])).toHaveLength(1)
})
