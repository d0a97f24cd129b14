import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { capabilityOf, codeOf, openSession, providerOf, settled } from '../test/fixture.ts'
import type { ApprovalDecision, ApprovalScope, PolicyDefinition } from './index.ts'

const asking = (approve: { timeoutMs?: number; remember?: ApprovalScope } = {}): PolicyDefinition => ({
  name: 'p',
  rules: [{ id: 'ask', effect: 'approve', capability: '*', approve }],
})
const provider = providerOf(
  'p',
  { do: capabilityOf(() => 1, { effect: 'write' }), other: () => 2 },
  { token: () => 'abcdefgh' },
)

it('asks with what a person has to know, and makes the call when it is approved', async () => {
  const { call, asked, records } = openSession([provider], {
    policy: asking({ timeoutMs: 500, remember: 'session' }),
    approve: async () => ({ decision: 'approve', reason: 'fine', remember: 'call' }),
  })
  const path = 'a\nb \u202egnp.exe abcdefgh'
  expect(codeOf(await call('p.do', [path], { callId: 'c' }))).toBe('ok')
  expect(asked[0]?.approval).toEqual({
    approvalId: 'approval-1',
    executionId: 'execution-1',
    callId: 'c',
    capability: 'p.do',
    summary: 'does {"path":"a\\nb \\u{202e}gnp.exe [token]"}',
    rule: 'ask',
    effect: 'write',
    timeoutMs: 500,
    remember: 'session',
  })
  expect(asked[0]?.signal.aborted).toBe(true)
  expect(records).toMatchObject([
    { type: 'decision', rule: 'ask', decision: 'approve', outcome: 'approved', detail: 'fine' },
    { type: 'call', outcome: 'ok' },
  ])
})

it('shows what the capability is for when a call cannot be described', async () => {
  const describeCall = (): string => {
    throw new Error('x')
  }
  const { call, asked } = openSession([providerOf('p', { do: capabilityOf(() => 1, { describeCall }) })], {
    policy: asking(),
  })
  await call('p.do')
  expect(asked[0]?.approval.summary).toBe('Does something.')
})

it('bounds the summary', async () => {
  const { call, asked } = openSession([provider], { policy: asking() })
  await call('p.do', ['\u202e'.repeat(3000)])
  expect(asked[0]?.approval.summary.length).toBeLessThanOrEqual(500)
})

it.each<[string, () => Promise<ApprovalDecision>, string]>([
  ['denied', async () => ({ decision: 'deny', reason: 'not today, abcdefgh' }), 'not today, [token]'],
  ['denied without a reason', async () => ({ decision: 'deny' }), 'no reason was given'],
  ['neither', async () => ({ decision: 'yes' }) as never, 'no valid decision'],
  ['nothing', async () => undefined as never, 'no valid decision'],
  ['an error', () => Promise.reject(new Error('x')), 'the host could not ask'],
  [
    'an error at once',
    () => {
      throw new Error('x')
    },
    'the host could not ask',
  ],
])('makes no call when the answer is: %s', async (_, approve, reason) => {
  const { call, records } = openSession([provider], { policy: asking(), approve })
  expect(await call('p.do')).toMatchObject({
    error: {
      code: 'APPROVAL_DENIED',
      message: `p.do was not approved, which the rule 'ask' asks for: ${reason}`,
    },
  })
  expect(records).toMatchObject([{ type: 'decision', outcome: 'denied', code: 'APPROVAL_DENIED' }])
})

it('waits no longer than the rule says, and ignores who comes later', async () => {
  const late = Promise.withResolvers<ApprovalDecision>()
  const { call, clock, asked, session } = openSession([provider], {
    policy: asking({ timeoutMs: 100, remember: 'session' }),
    approve: () => late.promise,
  })
  const answer = call('p.do', [], { timeoutMs: 10 })
  await settled()
  clock.advance(99)
  expect(session.info()).toMatchObject({ pending: 1, pendingApprovals: 1 })
  clock.advance(1)
  expect(await waitFor(answer)).toMatchObject({
    error: { code: 'APPROVAL_TIMED_OUT', message: expect.stringContaining('within 100 ms') },
  })
  expect(asked[0]?.signal.aborted).toBe(true)
  late.resolve({ decision: 'approve', remember: 'session' })
  await settled()
  void call('p.do')
  expect(asked).toHaveLength(2)
  session.close()
})

it('ends with the cell, with its execution, and with the session', async () => {
  const { call, session, asked } = openSession([provider], { policy: asking(), approve: () => new Promise(() => {}) })
  const controller = new AbortController()
  const calls = [
    call('p.do', [], { signal: controller.signal }),
    call('p.do', [], { executionId: 'execution-2' }),
    call('p.other'),
    call('p.do', [], { executionId: 'execution-3' }),
  ]
  controller.abort()
  session.executionEnded('execution-2')
  session.revoke('p.other')
  session.close()
  expect((await waitFor(Promise.all(calls))).map(codeOf)).toEqual([
    'CANCELLED',
    'CANCELLED',
    'CAPABILITY_REVOKED',
    'CANCELLED',
  ])
  expect(asked.every(({ signal }) => signal.aborted)).toBe(true)
  expect(session.info().pendingApprovals).toBe(0)
})

describe('is remembered', () => {
  const run = async (rule: ApprovalScope | undefined, decision: ApprovalScope | undefined, denies = false) => {
    const { call, asked, session } = openSession([provider], {
      policy: asking(rule && { remember: rule }),
      approve: async () => ({ decision: denies ? 'deny' : 'approve', ...(decision && { remember: decision }) }),
    })
    const counts: number[] = []
    for (const [capability, executionId] of [
      ['p.do', '1'],
      ['p.do', '1'],
      ['p.other', '1'],
      ['p.do', '2'],
    ] as const) {
      await call(capability, [], { executionId })
      counts.push(asked.length)
    }
    session.setPolicy(asking(rule && { remember: rule }))
    await call('p.do', [], { executionId: '1' })
    counts.push(asked.length)
    return counts
  }

  it.each<[ApprovalScope | undefined, ApprovalScope | undefined, number[]]>([
    [undefined, undefined, [1, 2, 3, 4, 5]],
    // a decision cannot say more than the rule
    [undefined, 'session', [1, 2, 3, 4, 5]],
    ['execution', 'session', [1, 1, 2, 3, 4]],
    ['execution', undefined, [1, 1, 2, 3, 4]],
    ['session', 'call', [1, 2, 3, 4, 5]],
    ['session', 'execution', [1, 1, 2, 3, 4]],
    ['session', 'session', [1, 1, 2, 2, 3]],
  ])('as long as the rule (%s) and the decision (%s) say, until the policy changes', async (rule, decision, counts) => {
    expect(await run(rule, decision)).toEqual(counts)
  })

  it('a denial only if the decision says so', async () => {
    expect(await run('session', undefined, true)).toEqual([1, 2, 3, 4, 5])
    expect(await run('session', 'session', true)).toEqual([1, 1, 2, 2, 3])
  })

  it('by those who ask the same at the same time', async () => {
    const decisions: ((decision: ApprovalDecision) => void)[] = []
    const { call, asked, session } = openSession([provider], {
      policy: asking({ remember: 'session' }),
      approve: () => new Promise((resolve) => decisions.push(resolve)),
    })
    const calls = [call('p.do', [1]), call('p.do', [2]), call('p.other')]
    await settled()
    decisions[1]?.({ decision: 'approve' })
    expect((await waitFor(Promise.all(calls.slice(0, 2)))).map(codeOf)).toEqual(['ok', 'ok'])
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true, false])
    session.close()
  })

  it('not when the policy has changed meanwhile', async () => {
    const decisions: ((decision: ApprovalDecision) => void)[] = []
    const { call, asked, session } = openSession([provider], {
      policy: asking({ remember: 'session' }),
      approve: () => new Promise((resolve) => decisions.push(resolve)),
    })
    const first = call('p.do')
    await settled()
    session.setPolicy(asking({ remember: 'session' }))
    decisions[0]?.({ decision: 'approve', remember: 'session' })
    expect(codeOf(await waitFor(first))).toBe('ok')
    void call('p.do')
    expect(asked).toHaveLength(2)
    session.close()
  })
})

it('asks about so many at once only, and takes the budget before it asks', async () => {
  const { call, session } = openSession([provider], {
    limits: { pendingApprovals: 2 },
    policy: {
      name: 'p',
      rules: [{ id: 'ask', effect: 'approve', capability: '*', limits: { perExecution: { calls: 3 } } }],
    },
    approve: () => new Promise(() => {}),
  })
  void call('p.do')
  void call('p.do')
  expect(await call('p.do')).toMatchObject({
    error: { code: 'CAPABILITY_OVERLOADED', message: expect.stringContaining('pendingApprovals') },
  })
  expect(codeOf(await call('p.do'))).toBe('CAPABILITY_BUDGET_EXCEEDED')
  session.close()
})
