import { expect, it } from 'vitest'
import { codeOf, openSession, providerOf, valueOf } from '../test/fixture.ts'

it('makes a call that a rule allows, and refuses the others', async () => {
  const { call, session } = openSession(
    [providerOf('files', { read: ({ path, encoding }) => `${String(path)} as ${String(encoding)}`, write: () => 1 })],
    { policy: { name: 'reading', rules: [{ id: 'read', effect: 'allow', capability: 'files.read' }] } },
  )
  expect(valueOf(await call('files.read', ['a.txt', { encoding: 'utf8' }]))).toBe('a.txt as utf8')
  expect(await call('files.write', ['a.txt'])).toEqual({
    kind: 'error',
    error: {
      name: 'CapsuleError',
      code: 'CAPABILITY_DENIED',
      message: "files.write is denied by the rule 'default': no rule of the policy 'reading' allows it",
    },
  })
  expect(codeOf(await call('files.other'))).toBe('CAPABILITY_UNKNOWN')
  expect(session.manifest).toEqual({
    capabilities: [{ name: 'files.read', returns: 'value' }],
    names: [],
    input: false,
  })
})
