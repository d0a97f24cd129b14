import { expect, it } from 'vitest'
import { createParts, tokens } from './tokens.ts'

it.each(Object.entries(tokens))('provides %s', (_name, token) => {
  expect(createParts().get<unknown>(token)).toBeDefined()
})

it('provides nothing that has no name', () => {
  expect(new Set(createParts().tokens())).toEqual(new Set(Object.values(tokens)))
})
