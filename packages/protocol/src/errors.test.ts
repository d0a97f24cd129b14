import { expect, it } from 'vitest'
import { protocolErrors } from './index.ts'

it('pins the codes', () => {
  expect(Object.keys(protocolErrors)).toEqual([
    'FRAME_TOO_DEEP',
    'FRAME_MALFORMED',
    'MESSAGE_NOT_ENCODABLE',
    'INVALID_MESSAGE',
    'PROTOCOL_MISMATCH',
    'VALUE_MALFORMED',
  ])
})

it('tells cause and next step of every code', () => {
  for (const { definition } of Object.values(protocolErrors)) {
    expect(definition.cause).toMatch(/\.$/)
    expect(definition.next).toMatch(/\.$/)
  }
})
