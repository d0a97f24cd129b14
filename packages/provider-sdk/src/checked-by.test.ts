import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { checkedBy } from './checked-by.ts'

const problemsOf = (schema: z.ZodType, value: unknown): readonly string[] => {
  const checked = checkedBy(schema)(value)
  return checked.isValid ? [] : checked.problems
}

it('names the field first', () => {
  const schema = z.strictObject({ path: z.string(), list: z.array(z.number()).optional() })
  expect(problemsOf(schema, { path: 5, list: [1, 'a'], other: 1 })).toEqual([
    'path: Invalid input: expected string, received number',
    'list.1: Invalid input: expected number, received string',
    'input: Unrecognized key: "other"',
  ])
  expect(problemsOf(schema, 'a')).toEqual(['input: Invalid input: expected object, received string'])
})

it('tells what each option of a union wants', () => {
  const schema = z.strictObject({ body: z.union([z.string(), z.strictObject({ json: z.number() })]) })
  expect(problemsOf(schema, { body: { json: 'a' } })).toEqual([
    'body: expected string, or json: Invalid input: expected number, received string',
  ])
})

it('bounds the number and the length of problems', () => {
  const many = problemsOf(
    z.array(z.string()),
    Array.from({ length: 100_000 }, () => 1),
  )
  expect(many).toHaveLength(21)
  expect(many.at(-1)).toBe('input: and 99980 more problems')
  const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, 1]))
  const [long] = problemsOf(z.strictObject({}), fields)
  expect(long).toMatch(/^input: Unrecognized keys: "field0".*…$/)
  expect(long?.length).toBeLessThanOrEqual(301)
})

it('makes a problem of what a schema throws, and does not show it', () => {
  const boom = (): never => {
    throw new Error('/home/ada/notes.db is locked')
  }
  const throwing = ['input: cannot be checked: its schema throws']
  expect(problemsOf(z.string().refine(boom), 'a')).toEqual(throwing)
  expect(problemsOf(z.string().transform(boom), 'a')).toEqual(throwing)
  expect(problemsOf(z.preprocess(boom, z.string()), 'a')).toEqual(throwing)
})

it('makes a problem of a schema that answers later', () => {
  const later = z.string().refine((text) => Promise.resolve(text === 'a') as never)
  expect(problemsOf(later, 'a')).toEqual([
    expect.stringMatching(/^input: cannot be checked: its schema is asynchronous/),
  ])
})

it('makes a problem of what is nested too deep', () => {
  let deep: unknown = []
  for (let level = 0; level < 20_000; level++) deep = [deep]
  expect(problemsOf(z.json(), deep)).toEqual(['input: is nested too deep to be checked'])
})

it('takes any value without throwing and without harm', () => {
  const schema = z.strictObject({
    path: z.string().max(10),
    mode: z.enum(['a', 'b']).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    nested: z.union([z.looseObject({ n: z.number() }), z.array(z.json())]).optional(),
  })
  const check = checkedBy(schema)
  const field = fc.oneof(
    fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true, withNullPrototype: true }),
  )
  const hostile = fc.record(
    { path: field, mode: field, headers: field, nested: field, __proto__: field },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(fc.anything(), hostile), (value) => {
      const checked = check(value)
      // taken as it is, or with problems that name a field
      const texts = checked.isValid ? [`path: ${(checked.value as { path: string }).path}`] : checked.problems
      expect(texts.every((text) => /^.+: |…$/s.test(text))).toBe(true)
    }),
    { numRuns: 2000 },
  )
  expect(check(JSON.parse('{"path":"a","headers":{"__proto__":{"polluted":true}}}'))).toBeDefined()
  expect('polluted' in {}).toBe(false)
})
