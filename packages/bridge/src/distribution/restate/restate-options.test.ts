import { coreErrors } from '@capsule/core'
import { expect, it } from 'vitest'
import { createRestateDistributor } from './restate-distributor.ts'

const keys = ['publickeyv1_2G8dCQhArfvGpzPw5Vx2ALciR4xCLHfS5YaT93XjNxX9']

it.each([
  ['an address that others reach, and no key', { bindAddress: '0.0.0.0' }],
  ['an address that others reach, and no key', { bindAddress: '::' }],
  ['a name for an address', { bindAddress: 'localhost' }],
  ['what is no key', { identityKeys: ['secret'] }],
])('refuses %s: %o', (_, endpoint) => {
  expect(() => createRestateDistributor({ endpoint })).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
})

it.each([{}, { bindAddress: '127.0.0.2' }, { bindAddress: '::1' }, { bindAddress: '0.0.0.0', identityKeys: keys }])(
  'takes %o',
  async (endpoint) => {
    await expect(createRestateDistributor({ endpoint }).close()).resolves.toBe(undefined)
  },
)

it('refuses options that it does not know', () => {
  expect(() => createRestateDistributor({ ingresUrl: 'http://127.0.0.1' } as object)).toThrow(
    expect.objectContaining({ code: coreErrors.INVALID_OPTIONS.code }),
  )
})
