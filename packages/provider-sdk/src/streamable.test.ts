import { capabilityBody } from '@capsule/core'
import { expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import { checkedBy } from './checked-by.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { streamable } from './streamable.ts'

const content = streamable(z.string().max(3))
const check = checkedBy(z.strictObject({ content }))

it('takes a stream beside what the schema takes', () => {
  expectTypeOf<z.output<typeof content>>().toEqualTypeOf<string | typeof capabilityBody>()
  expect(check({ content: 'abc' })).toEqual({ isValid: true, value: { content: 'abc' } })
  expect(check({ content: capabilityBody })).toEqual({ isValid: true, value: { content: capabilityBody } })
})

it('says what is wrong with anything else', () => {
  expect(check({ content: 5 })).toEqual({
    isValid: false,
    problems: ['content: expected string, or expected a stream'],
  })
  expect(check({ content: 'abcd' })).toEqual({
    isValid: false,
    problems: ['content: Too big: expected string to have <=3 characters'],
  })
  expect(check({ content: Symbol.for('another') })).toMatchObject({ isValid: false })
})

it('shows in the JSON schema', () => {
  expect(jsonSchemaOf(content, 'input')).toMatchObject({
    anyOf: [{ type: 'string', maxLength: 3 }, { description: 'a stream of bytes' }],
  })
})
