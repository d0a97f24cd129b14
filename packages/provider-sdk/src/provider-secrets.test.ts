import { expect, it } from 'vitest'
import { providerErrors } from './errors.ts'
import { secretGetters } from './provider-secrets.ts'

it('asks at each use', () => {
  let count = 0
  const { token, fixed } = secretGetters('notes', { token: () => `token-${++count}`, fixed: 'abc' })
  expect([token?.(), token?.(), fixed?.()]).toEqual(['token-1', 'token-2', 'abc'])
})

it('names a secret that cannot be had, and shows nothing of it', () => {
  const cause = new Error('vault: hunter2 expired')
  const getters = secretGetters('notes', {
    throws: () => {
      throw cause
    },
    empty: () => '',
    missing: (() => process.env['CAPSULE_NO_SUCH_VARIABLE']) as () => string,
    later: (async () => 'abc') as unknown as () => string,
  })
  const message = (name: string): string => {
    try {
      return String(getters[name]?.())
    } catch (error) {
      return providerErrors.PROVIDER_SECRET_UNAVAILABLE.is(error) ? error.message : `another error: ${String(error)}`
    }
  }
  expect(message('throws')).toBe("the secret 'throws' of the provider 'notes' cannot be had: its function throws")
  expect(() => getters['throws']?.()).toThrow(expect.objectContaining({ cause }))
  expect(message('empty')).toMatch(/: it is empty$/)
  expect(message('missing')).toMatch(/: it is no text \(undefined\)$/)
  expect(message('later')).toMatch(/: it is no text \(object\)$/)
})
