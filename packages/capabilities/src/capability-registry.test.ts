import type { CapabilityProvider } from '@capsule/core'
import { expect, it } from 'vitest'
import { capabilityOf, providerOf } from '../test/fixture.ts'
import { createCapabilityRegistry } from './capability-registry.ts'

const capability = capabilityOf(() => 1)

it('finds capabilities by their full names', () => {
  const files = providerOf('files', { read: capability, write: capability })
  const registry = createCapabilityRegistry([files])
  registry.register(providerOf('http', { fetch: capability }))
  expect(registry.names).toEqual(['files.read', 'files.write', 'http.fetch'])
  expect(registry.find('files.read')).toEqual({ name: 'files.read', provider: files, capability })
  for (const name of ['files', 'files.', 'files.other', '__proto__', 'files.constructor', '']) {
    expect(registry.find(name)).toBeUndefined()
  }
})

it('refuses a second provider of the same name', () => {
  const registry = createCapabilityRegistry([providerOf('files', { read: capability })])
  expect(() => registry.register(providerOf('files', { write: capability }))).toThrow(
    expect.objectContaining({ code: 'PROVIDER_CONFLICT' }),
  )
  expect(registry.names).toEqual(['files.read'])
})

it.each<[string, unknown]>([
  ["specificationVersion: must be 'v1'", { ...providerOf('a', { b: capability }), specificationVersion: 'v2' }],
  ['provider: must be an object', undefined],
  ['name: must be letters', providerOf('a.b', { b: capability })],
  ["name: 'input' is Capsule's own", providerOf('input', { ask: capability })],
  ['asyncDispose', { ...providerOf('a', { b: capability }), [Symbol.asyncDispose]: undefined }],
  ['secrets: must be an object', { ...providerOf('a', { b: capability }), secrets: undefined }],
  ['secrets.token: must be a function', { ...providerOf('a', { b: capability }), secrets: { token: 'x' } }],
  ['capabilities: must be an object', providerOf('a', {})],
  ['capabilities.b c: a name', providerOf('a', { 'b c': capability })],
  ['capabilities.b.invoke', providerOf('a', { b: { ...capability, invoke: undefined as never } })],
  ['capabilities.b.positional', providerOf('a', { b: { ...capability, positional: ['signal'] } })],
  ['capabilities.b.bodyField', providerOf('a', { b: { ...capability, bodyField: 'timeoutMs' } })],
  ['capabilities.b.returns', providerOf('a', { b: { ...capability, returns: 'stream' as never } })],
  ['capabilities.b.limits.concurrent', providerOf('a', { b: capabilityOf(() => 1, { limits: { concurrent: 0 } }) })],
  ['at most 1000', providerOf('a', Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`c${n}`, capability])))],
])('refuses what is no provider: %s', (problem, provider) => {
  expect(() => createCapabilityRegistry([provider as CapabilityProvider])).toThrow(
    expect.objectContaining({ code: 'PROVIDER_UNSUPPORTED', message: expect.stringContaining(problem) }),
  )
})

it('disposes of every provider, once, and tells what failed', async () => {
  const disposed: string[] = []
  const named = (name: string, error?: Error): CapabilityProvider => ({
    ...providerOf(name, { read: capability }),
    [Symbol.asyncDispose]: () => {
      disposed.push(name)
      if (error !== undefined) throw error
      return Promise.resolve()
    },
  })
  const [first, third] = [new Error('1'), new Error('3')]
  const registry = createCapabilityRegistry([named('a', first), named('b'), named('c', third)])
  await expect(registry[Symbol.asyncDispose]()).rejects.toMatchObject({ errors: [first, third] })
  await expect(registry[Symbol.asyncDispose]()).rejects.toBeInstanceOf(AggregateError)
  expect(disposed).toEqual(['a', 'b', 'c'])
  expect(() => registry.register(named('d'))).toThrow('the registry is disposed')
})
