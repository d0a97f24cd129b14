import { expect, it } from 'vitest'
import { capabilityOf, openSession, providerOf } from '../test/fixture.ts'
import { policies, policyFor } from './predefined-policies.ts'

const capability = capabilityOf(() => 1)
const all = (...names: string[]) => Object.fromEntries(names.map((name) => [name, capability]))
const providers = [
  providerOf('files', all('read', 'readStream', 'list', 'stat', 'info', 'write', 'append', 'mkdir', 'remove')),
  providerOf('http', all('fetch')),
  providerOf('shell', all('run', 'start')),
  providerOf('system', all('now', 'env')),
  providerOf('custom', all('do')),
]
const reading = ['files.read', 'files.readStream', 'files.list', 'files.stat', 'files.info']
const writing = ['files.write', 'files.append', 'files.mkdir', 'files.remove']

it.each([
  ['sandbox', [], false],
  ['restricted', reading, true],
  ['standard', [...reading, ...writing, 'http.fetch'], true],
  ['trusted', [...reading, ...writing, 'http.fetch', 'shell.run', 'shell.start', 'system.now', 'system.env'], true],
  [
    'unrestricted',
    [...reading, ...writing, 'http.fetch', 'shell.run', 'shell.start', 'system.now', 'system.env', 'custom.do'],
    true,
  ],
] as const)('%s grants what it says', (name, granted, input) => {
  const { session } = openSession(providers, { policy: policies[name] })
  expect(session.manifest.capabilities.map((each) => each.name)).toEqual(granted)
  expect(session.manifest.input).toBe(input)
  expect(policies[name].name).toBe(name)
})

it.each([
  ['standard', 'http.fetch', { method: 'GET' }, 'allow'],
  ['standard', 'http.fetch', {}, 'deny'],
  ['standard', 'http.fetch', { method: 'POST' }, 'deny'],
  ['standard', 'http.fetch', { method: 'get' }, 'deny'],
  ['trusted', 'http.fetch', { method: 'POST' }, 'allow'],
  ['trusted', 'shell.run', { command: 'git' }, 'approve'],
  ['unrestricted', 'shell.run', { command: 'git' }, 'allow'],
] as const)('%s: %s with %j is %s', (name, asked, input, decision) => {
  expect(policies[name].explain({ capability: asked, input }).decision).toBe(decision)
})

it('gives fetch its name only where it is granted', () => {
  const names = (policy: keyof typeof policies, ...given: typeof providers) =>
    openSession(given, { policy: policies[policy] }).session.manifest.names
  expect(names('standard', ...providers)).toEqual([{ name: 'fetch', capability: 'http.fetch' }])
  expect(names('standard', providers[0]!)).toEqual([])
  expect(names('restricted', ...providers)).toEqual([])
})

it('allows exactly what the providers have', () => {
  const policy = policyFor([providers[1]!])
  expect(policy.rules).toEqual([
    { id: 'ask-person', effect: 'allow', capability: 'input.ask' },
    { id: 'provider-http', effect: 'allow', capability: ['http.fetch'] },
  ])
  const { session } = openSession(providers, { policy })
  expect(session.manifest).toEqual({
    capabilities: [{ name: 'http.fetch', returns: 'value' }],
    names: [],
    input: true,
  })
})
