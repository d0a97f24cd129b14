import { createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { capabilityOf, codeOf, openSession, providerOf, settled, valueOf } from '../test/fixture.ts'
import type { PolicyDefinition, PolicyRule } from './index.ts'

const never = (): Promise<never> => new Promise(() => {})
const policyOf = (...rules: (Omit<PolicyRule, 'id'> & { id?: string })[]): PolicyDefinition => ({
  name: 'p',
  rules: rules.map((rule, index) => ({ id: `r${index}`, ...rule })),
})

describe('the manifest', () => {
  it('is what some rule could allow', () => {
    const all = ['a', 'b', 'c', 'd', 'e', 'f']
    const { session } = openSession([providerOf('p', Object.fromEntries(all.map((name) => [name, () => 1])))], {
      policy: {
        ...policyOf(
          { effect: 'deny', capability: 'p.a' },
          { effect: 'deny', capability: 'p.b', when: { path: { equals: 1 } } },
          { effect: 'allow', capability: ['p.a', 'p.b'] },
          { effect: 'approve', capability: 'p.c' },
          { effect: 'allow', capability: 'p.d', when: { path: { equals: 1 } } },
          { effect: 'deny', capability: '*' },
          { effect: 'allow', capability: '*' },
        ),
        names: { beta: 'p.b', epsilon: 'p.e', gone: 'q.x' },
      },
    })
    expect(session.manifest).toEqual({
      capabilities: ['p.b', 'p.c', 'p.d'].map((name) => ({ name, returns: 'value' })),
      names: [{ name: 'beta', capability: 'p.b' }],
      input: false,
    })
  })

  it('says what a cell needs to make the call', () => {
    const { session } = openSession([
      providerOf('p', {
        write: capabilityOf(() => 1, { positional: ['path', 'content'], bodyField: 'content' }),
        send: capabilityOf(() => 1, { positional: ['url'], bodyField: 'body', returns: 'response' }),
      }),
    ])
    expect(session.manifest.capabilities).toEqual([
      { name: 'p.write', returns: 'value', body: { field: 'content', position: 1 } },
      { name: 'p.send', returns: 'response', body: { field: 'body' } },
    ])
  })

  it('does not change by what is registered later', () => {
    const { session, registry } = openSession([providerOf('p', { a: () => 1 })])
    registry.register(providerOf('q', { b: () => 1 }))
    expect(session.manifest.capabilities).toHaveLength(1)
    session.setPolicy(policyOf({ effect: 'allow', capability: '*' }))
    expect(session.manifest.capabilities).toHaveLength(2)
  })

  it('is told when it changes, and only then', () => {
    const { session, logger } = openSession([providerOf('p', { a: () => 1, b: () => 1 })])
    const told = createRecorder<number>()
    const stop = session.onManifest(({ capabilities }) => told.record(capabilities.length))
    session.onManifest(() => {
      throw new Error('a listener')
    })
    session.revoke('p.a')
    session.revoke('p.a')
    session.revoke('q.*')
    expect(session.revoked).toEqual(['p.a'])
    session.setPolicy({ name: 'q', rules: [{ id: 'r', effect: 'allow', capability: 'p.b' }] })
    session.setPolicy(policyOf({ effect: 'allow', capability: 'p.*' }))
    stop()
    session.setPolicy(policyOf())
    expect(told.values).toEqual([1, 1, 2])
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(4)
  })
})

describe('revoke', () => {
  it('ends what is under way, waits or is asked, and leaves the rest', async () => {
    const { call, session, records } = openSession([
      providerOf('p', { a: capabilityOf(never, { limits: { concurrent: 1 } }), b: () => 1 }),
    ])
    const calls = [call('p.a'), call('p.a')]
    await settled()
    session.revoke('p.a*')
    expect(await waitFor(Promise.all(calls))).toMatchObject([
      { error: { code: 'CAPABILITY_REVOKED', message: 'p.a was revoked while the call was under way' } },
      { error: { code: 'CAPABILITY_REVOKED' } },
    ])
    expect(records.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
      'decision allowed',
      'call revoked',
      'decision refused',
    ])
    expect(await call('p.a')).toMatchObject({
      error: { message: "p.a is denied by the rule 'revoked': the host has revoked it" },
    })
    expect(session.explain({ capability: 'p.a' })).toEqual({
      decision: 'deny',
      rule: 'revoked',
      reason: 'the host has revoked it',
      considered: [],
    })
    expect(session.explain({ capability: 'p.b' })).toMatchObject({ decision: 'allow', rule: 'everything' })
    expect(codeOf(await call('p.b'))).toBe('ok')
    expect(() => session.revoke('p')).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  })

  it('takes input away too', () => {
    const { session } = openSession([])
    expect([session.grantsInput, session.manifest.input]).toEqual([true, true])
    session.revoke('input.*')
    expect([session.grantsInput, session.manifest.input]).toEqual([false, false])
    expect(session.askedInput('execution-1')).toMatchObject({
      code: 'CAPABILITY_DENIED',
      details: { rule: 'revoked' },
    })
  })

  it('holds until the next policy', async () => {
    const { call, session } = openSession([providerOf('p', { a: () => 1 })])
    session.revoke('*')
    session.setPolicy(session.policy)
    expect(codeOf(await call('p.a'))).toBe('ok')
  })
})

describe('setPolicy', () => {
  const path = (value: string, effect: PolicyRule['effect'] = 'allow') => ({
    effect,
    capability: 'p.a',
    when: { path: { equals: value } },
  })

  it('ends calls that it does not allow, by their input', async () => {
    const { call, session } = openSession([providerOf('p', { a: never })])
    const calls = [call('p.a', ['x']), call('p.a', ['y']), call('p.a', ['z'])]
    await settled()
    session.setPolicy(policyOf(path('x'), path('y', 'deny'), path('z', 'approve')))
    expect((await waitFor(Promise.all(calls.slice(1)))).map(codeOf)).toEqual([
      'CAPABILITY_REVOKED',
      'CAPABILITY_REVOKED',
    ])
    expect(session.info().pending).toBe(1)
    session.close()
    expect(codeOf(await waitFor(calls[0]!))).toBe('CANCELLED')
  })

  it('changes nothing when it is not valid', () => {
    const { session } = openSession([])
    const { policy, manifest } = session
    expect(() => session.setPolicy({ name: '', rules: [] })).toThrow(
      expect.objectContaining({ code: 'POLICY_INVALID' }),
    )
    expect([session.policy, session.manifest]).toEqual([policy, manifest])
  })
})

describe('close', () => {
  it('ends all calls, once, and refuses others', async () => {
    const { call, session, clock } = openSession([providerOf('p', { a: (_, { signal }) => waitForAbort(signal) })])
    const calls = [call('p.a'), call('p.a', [], { idempotencyKey: 'k' })]
    session.close()
    session.close()
    expect((await waitFor(Promise.all(calls))).map(codeOf)).toEqual(['CANCELLED', 'CANCELLED'])
    expect(codeOf(await call('p.a'))).toBe('CANCELLED')
    expect(session.askedInput('execution-1')).toMatchObject({ code: 'CANCELLED' })
    await settled()
    expect([session.info().pending, session.info().rememberedKeys, clock.pendingTimers]).toEqual([0, 0, 0])
  })

  const waitForAbort = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
})

describe('input', () => {
  it('is asked for within its budget', () => {
    const { session, records } = openSession([], {
      policy: {
        name: 'p',
        rules: [{ id: 'ask', effect: 'allow', capability: 'input.ask', limits: { perExecution: { calls: 1 } } }],
      },
    })
    expect(session.askedInput('execution-1')).toBeUndefined()
    expect(session.askedInput('execution-1')).toMatchObject({
      code: 'CAPABILITY_BUDGET_EXCEEDED',
      details: { capability: 'input.ask', rule: 'ask', limit: 'calls', allowed: 1, per: 'execution' },
    })
    expect(session.askedInput('execution-2')).toBeUndefined()
    session.executionEnded('execution-2')
    expect(session.askedInput('execution-2')).toMatchObject({ code: 'CAPABILITY_EXECUTION_ENDED' })
    expect(records.map(({ capability, outcome, rule }) => [capability, outcome, rule])).toEqual([
      ['input.ask', 'allowed', 'ask'],
      ['input.ask', 'refused', 'ask'],
      ['input.ask', 'allowed', 'ask'],
      ['input.ask', 'refused', 'ask'],
    ])
  })

  it('is not there when nothing allows it', () => {
    const { session } = openSession([], { policy: policyOf({ effect: 'allow', capability: 'p.*' }) })
    expect(session.grantsInput).toBe(false)
    expect(session.askedInput('execution-1')).toMatchObject({
      code: 'CAPABILITY_DENIED',
      message: "input.ask is denied by the rule 'default': no rule of the policy 'p' allows it",
    })
  })

  it('needs no approval: a person is asked anyway', () => {
    const { session } = openSession([], { policy: policyOf({ effect: 'approve', capability: '*' }) })
    expect(session.askedInput('execution-1')).toBeUndefined()
  })
})

it('takes out the secrets of a provider that is registered later, too', async () => {
  const { call, session, registry, records, logger } = openSession([])
  registry.register(
    providerOf(
      'p',
      {
        do: (_, context) => {
          context.logger.info('with abcdefgh')
          throw new Error('abcdefgh')
        },
      },
      { token: () => 'abcdefgh' },
    ),
  )
  session.setPolicy(session.policy)
  expect(codeOf(await call('p.do'))).toBe('CAPABILITY_FAILED')
  expect(JSON.stringify([records, logger.lines])).not.toContain('abcdefgh')
})

it('shows no secret: errors, audit, approvals, annotations, log', async () => {
  const secret = 's3cr3t/token+value'
  const forms = [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]
  const { call, records, logger, asked } = openSession(
    [
      providerOf(
        'p',
        {
          typed: capabilityOf(() => {
            throw Object.assign(new Error(`401 for ${forms.join()}`), { name: 'CapsuleError', code: 'HTTP_FAILED' })
          }),
          untyped: (_, context) => {
            context.logger.info(`sent ${forms.join()}`, { headers: [`Bearer ${secret}`] })
            context.annotate({ sent: forms.join(), [secret]: 1 })
            throw new Error(forms.join())
          },
          check: capabilityOf(() => 1, {
            checkInput: () => ({ isValid: false, problems: forms }),
          }),
          result: capabilityOf(() => 1, { checkOutput: () => ({ isValid: false, problems: forms }) }),
          ok: ({ path }) => path,
        },
        { token: () => secret },
      ),
    ],
    {
      policy: policyOf({ effect: 'approve', capability: '*' }),
      approve: async () => ({ decision: 'approve', reason: secret }),
    },
  )
  const answers: unknown[] = []
  for (const name of ['typed', 'untyped', 'check', 'result']) answers.push(await call(`p.${name}`, [forms.join(' ')]))
  // a value is the provider's to give
  expect(valueOf(await call('p.ok', [secret]))).toBe(secret)
  const told = JSON.stringify([answers, records, logger.lines, asked.map(({ approval }) => approval)])
  for (const form of [...forms, JSON.stringify(secret).slice(1, -1)]) expect(told).not.toContain(form)
  expect(answers[0]).toMatchObject({ error: { code: 'HTTP_FAILED', message: '401 for [token],[token],[token]' } })
  expect(records.find(({ type, capability }) => type === 'call' && capability === 'p.untyped')).toMatchObject({
    annotations: { sent: '[token],[token],[token]', '[token]': 1 },
    detail: expect.stringContaining('Error: [token],[token],[token]'),
  })
})
