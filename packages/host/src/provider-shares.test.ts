import type { CapabilityProvider } from '@capsule/core'
import { expect, it } from 'vitest'
import { ProviderShares } from './provider-shares.ts'

function createProvider(name: string, log: string[]): CapabilityProvider {
  return {
    name,
    specificationVersion: 'v1',
    capabilities: {},
    secrets: {},
    [Symbol.asyncDispose]: async () => {
      log.push(name)
      if (name === 'broken') throw new Error('broken')
    },
  }
}

it('disposes a provider with its last share, once', async () => {
  const log: string[] = []
  const [a, b] = [createProvider('a', log), createProvider('b', log)]
  const shares = new ProviderShares()
  const [first, second] = [shares.hold([a, b]), shares.hold([a])]
  await first.release()
  await first.release()
  expect(log).toEqual(['b'])
  await second.release()
  expect(log).toEqual(['b', 'a'])
  expect(() => shares.hold([a])).toThrow(expect.objectContaining({ code: 'PROVIDER_DISPOSED' }))
})

it('disposes all, also when one of them fails, and nothing that was given back', async () => {
  const log: string[] = []
  const shares = new ProviderShares()
  const share = shares.hold([createProvider('broken', log), createProvider('a', log)])
  await expect(share.release()).rejects.toBeInstanceOf(AggregateError)
  expect(log).toEqual(['broken', 'a'])
  const kept = shares.hold([createProvider('kept', log)])
  kept.giveBack()
  await kept.release()
  expect(log).toEqual(['broken', 'a'])
})
