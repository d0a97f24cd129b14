import { expect, it } from 'vitest'
import * as z from 'zod'
import { knownFields } from './known-fields.ts'

const object = z.strictObject({ a: z.string(), b: z.number().optional() })

it.each([
  ['a strict object', object, ['a', 'b'], true],
  ['an object that strips', z.object({ a: z.string() }), ['a'], true],
  ['a loose object', z.looseObject({ a: z.string() }), ['a'], false],
  ['an object with a catchall', z.object({ a: z.string() }).catchall(z.number()), ['a'], false],
  [
    'wrappers',
    object
      .refine(() => true)
      .optional()
      .default({ a: '' })
      .readonly()
      .nullable(),
    ['a', 'b'],
    true,
  ],
  ['a transform after', object.transform(({ a }) => a), ['a', 'b'], true],
  ['a union', z.union([object, z.strictObject({ c: z.string() }), z.string()]), ['a', 'b', 'c'], true],
  ['a union with a loose one', z.union([object, z.looseObject({ c: z.string() })]), ['a', 'b', 'c'], false],
  ['an intersection', z.intersection(object, z.object({ c: z.string() })), ['a', 'b', 'c'], true],
  ['a lazy one', z.lazy(() => object), ['a', 'b'], true],
  ['a record', z.record(z.string(), z.string()), [], false],
  ['what is made of anything', z.preprocess((value) => value, object), [], false],
  ['anything', z.unknown(), [], false],
])('knows the fields of %s', (_, schema, names, isClosed) => {
  const known = knownFields(schema)
  expect([[...known.names].sort(), known.isClosed, known.isObject]).toEqual([names, isClosed, true])
})

it('knows what is never an object', () => {
  for (const schema of [
    z.string(),
    z.number(),
    z.array(object),
    z.literal('a'),
    z.enum(['a']),
    z.date(),
    z.union([z.string(), z.null()]),
  ])
    expect(knownFields(schema).isObject).toBe(false)
})

it('ends for a schema that holds itself', () => {
  const loop: z.ZodType = z.lazy(() => z.union([loop, loop]))
  expect(knownFields(loop)).toMatchObject({ isClosed: false, isObject: true })
})
