import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { CapsuleError, coreErrors, defineErrors, isCapsuleError } from './index.ts'

const errors = defineErrors({
  TOO_LARGE: {
    message: ({ bytes }: { bytes: number }) => `${bytes} bytes are too many`,
    cause: 'Something was large.',
    next: 'Make it smaller.',
  },
  LOST: { message: () => 'lost', cause: 'It went away.', next: 'Look for it.' },
})

describe('defineErrors', () => {
  it('makes errors with code, message, details and cause', () => {
    const reason = new Error('reason')
    const error = errors.TOO_LARGE({ bytes: 5 }, { cause: reason })
    expect(error).toBeInstanceOf(CapsuleError)
    expect(error).toMatchObject({
      name: 'CapsuleError',
      code: 'TOO_LARGE',
      message: '5 bytes are too many',
      details: { bytes: 5 },
    })
    expect(error.cause).toBe(reason)
  })

  it('has no cause unless one is given', () => {
    expect('cause' in errors.LOST(undefined)).toBe(false)
  })

  it('narrows by code', () => {
    const error: unknown = errors.TOO_LARGE({ bytes: 5 })
    expect(errors.TOO_LARGE.is(error) && error.details.bytes).toBe(5)
    expect(errors.LOST.is(error)).toBe(false)
    expect(errors.LOST.is(new Error('lost'))).toBe(false)
  })

  it('keeps the rows for the docs and cannot be changed', () => {
    expect(errors.LOST.code).toBe('LOST')
    expect(errors.LOST.definition).toMatchObject({ cause: 'It went away.', next: 'Look for it.' })
    expect(() => Object.assign(errors, { LOST: undefined })).toThrow(TypeError)
  })
})

describe('isCapsuleError', () => {
  it('recognises errors of other realms and package copies', () => {
    expect(
      isCapsuleError(runInNewContext(`Object.assign(new Error('x'), { name: 'CapsuleError', code: 'LOST' })`)),
    ).toBe(true)
    expect(
      errors.LOST.is(runInNewContext(`Object.assign(new Error('x'), { name: 'CapsuleError', code: 'LOST' })`)),
    ).toBe(true)
  })

  it.each([undefined, null, 'CapsuleError', new Error('x'), { name: 'CapsuleError' }, { code: 'LOST' }])(
    'refuses %o',
    (value) => {
      expect(isCapsuleError(value)).toBe(false)
    },
  )
})

it('pins the codes of core', () => {
  expect(Object.keys(coreErrors)).toEqual([
    'CANCELLED',
    'TIMED_OUT',
    'INVALID_OPTIONS',
    'CHANNEL_CLOSED',
    'CHANNEL_FULL',
    'MISSING_BINDING',
    'CIRCULAR_BINDING',
    'BINDING_IN_USE',
    'CONTAINER_DISPOSED',
  ])
})

it('tells cause and next step of every code', () => {
  for (const { definition } of Object.values(coreErrors)) {
    expect(definition.cause).toMatch(/\.$/)
    expect(definition.next).toMatch(/\.$/)
  }
})
