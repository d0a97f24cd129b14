import { capabilityReply, CapsuleError } from '@capsule/core'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capabilityOf, codeOf, openSession, providerOf, settled, valueOf } from '../test/fixture.ts'

const never = (): Promise<never> => new Promise(() => {})

describe('an idempotency key', () => {
  it('brings the first answer again, for the same call only', async () => {
    let made = 0
    const { call, session, records } = openSession([providerOf('p', { do: () => ++made, other: () => 0 })])
    const key = { idempotencyKey: 'k' }
    expect(valueOf(await call('p.do', ['a'], key))).toBe(1)
    expect(valueOf(await call('p.do', ['a'], key))).toBe(1)
    expect(valueOf(await call('p.do', ['a'], { ...key, executionId: 'execution-2' }))).toBe(1)
    for (const [capability, args] of [
      ['p.do', ['b']],
      ['p.other', ['a']],
    ] as const) {
      expect(await call(capability, [...args], key)).toMatchObject({
        error: {
          code: 'CAPABILITY_KEY_CONFLICT',
          message: `the idempotencyKey 'k' of this call of ${capability} stands for another call, of p.do`,
        },
      })
    }
    expect(valueOf(await call('p.do', ['a'], { idempotencyKey: 'l' }))).toBe(2)
    expect(session.info()).toMatchObject({ rememberedKeys: 2, pending: 0, decisions: { replayed: 2, allowed: 2 } })
    expect(records[2]).toMatchObject({ type: 'decision', outcome: 'replayed' })
  })

  it('joins the first call while it is under way', async () => {
    const first = Promise.withResolvers<string>()
    let made = 0
    const { call, session } = openSession([
      providerOf('p', {
        do: () => {
          made++
          return first.promise
        },
      }),
    ])
    const key = { idempotencyKey: 'k' }
    const controller = new AbortController()
    const calls = [
      call('p.do', [], key),
      call('p.do', [], key),
      call('p.do', [], { ...key, signal: controller.signal }),
    ]
    const hasty = call('p.do', [], { ...key, timeoutMs: 1 })
    controller.abort()
    expect(codeOf(await waitFor(calls[2]!))).toBe('CANCELLED')
    first.resolve('x')
    expect((await waitFor(Promise.all(calls.slice(0, 2)))).map(valueOf)).toEqual(['x', 'x'])
    expect(valueOf(await waitFor(hasty))).toBe('x')
    expect(made).toBe(1)
    expect(session.info().pending).toBe(0)
  })

  it('remembers errors that stand, and none that do not', async () => {
    let made = 0
    const { call, clock } = openSession(
      [
        providerOf('p', {
          typed: () => Promise.reject(new CapsuleError('FILE_GONE', `no. ${++made}`, {})),
          untyped: () => Promise.reject(new Error(`no. ${++made}`)),
          slow: () => {
            made++
            return never()
          },
          asked: () => ++made,
        }),
      ],
      {
        policy: {
          name: 'p',
          rules: [
            { id: 'ask', effect: 'approve', capability: 'p.asked' },
            { id: 'all', effect: 'allow', capability: '*' },
          ],
        },
        approve: async () => ({ decision: made > 7 ? 'approve' : 'deny' }),
      },
    )
    const twice = async (capability: string): Promise<string[]> => {
      const codes: string[] = []
      for (let time = 0; time < 2; time++) {
        const answer = call(capability, [], { idempotencyKey: capability })
        await settled()
        clock.advance(1000)
        codes.push(codeOf(await waitFor(answer)))
      }
      return codes
    }
    expect([await twice('p.typed'), made]).toEqual([['FILE_GONE', 'FILE_GONE'], 1])
    expect([await twice('p.untyped'), made]).toEqual([['CAPABILITY_FAILED', 'CAPABILITY_FAILED'], 2])
    expect([await twice('p.slow'), made]).toEqual([['CAPABILITY_TIMED_OUT', 'CAPABILITY_TIMED_OUT'], 4])
    expect([await twice('p.asked'), made]).toEqual([['APPROVAL_DENIED', 'APPROVAL_DENIED'], 4])
    made = 8
    expect([await twice('p.asked'), made]).toEqual([['ok', 'ok'], 9])
  })

  it('lets who has joined make the call when the first is cancelled', async () => {
    const handlers: ((value: string) => void)[] = []
    const { call, session } = openSession([
      providerOf('p', { do: () => new Promise((resolve) => handlers.push(resolve)) }),
    ])
    const key = { idempotencyKey: 'k' }
    const [first, second, third] = ['1', '2', '3'].map((executionId) => call('p.do', [], { ...key, executionId }))
    await settled()
    session.executionEnded('1')
    await settled()
    expect(handlers).toHaveLength(2)
    handlers[1]?.('second')
    expect((await waitFor(Promise.all([first!, second!, third!]))).map(codeOf)).toEqual(['CANCELLED', 'ok', 'ok'])
    expect(valueOf(await third!)).toBe('second')
  })

  it('cannot bring a stream again', async () => {
    async function* chunks() {
      yield new Uint8Array(3)
    }
    const { call } = openSession([
      providerOf('p', {
        down: capabilityOf(() => capabilityReply(1, chunks()), { returns: 'body' }),
        up: capabilityOf(() => 1, { bodyField: 'content' }),
      }),
    ])
    const down = await call('p.down', [], { idempotencyKey: 'd' })
    expect(codeOf(down)).toBe('ok')
    expect(await call('p.down', [], { idempotencyKey: 'd' })).toMatchObject({
      error: { code: 'CAPABILITY_NOT_REPEATABLE', message: expect.stringContaining('its streamed body') },
    })
    expect(codeOf(await call('p.up', [], { idempotencyKey: 'u', body: chunks() }))).toBe('ok')
    expect(await call('p.up', [], { idempotencyKey: 'u', body: chunks() })).toMatchObject({
      error: { code: 'CAPABILITY_NOT_REPEATABLE', message: expect.stringContaining('its streamed input') },
    })
  })

  it('is forgotten in time, and when there are too many', async () => {
    let made = 0
    const { call, clock, session } = openSession([providerOf('p', { do: ({ path }) => [++made, path] })], {
      limits: { rememberedKeys: 2, rememberedMs: 100, rememberedBytes: 200 },
    })
    const times = async (key: string, text = ''): Promise<number> =>
      (valueOf(await call('p.do', [text], { idempotencyKey: key })) as [number, string])[0]
    expect([await times('a'), await times('b'), await times('a')]).toEqual([1, 2, 1])
    expect([await times('c'), await times('b'), await times('a')]).toEqual([3, 2, 4])
    clock.advance(99)
    expect(await times('a')).toBe(4)
    clock.advance(1)
    expect(await times('a')).toBe(5)
    // two of these are too much, and one of these is
    expect([await times('d', 'x'.repeat(150)), await times('e', 'x'.repeat(150))]).toEqual([6, 7])
    expect([await times('e', 'x'.repeat(150)), session.info().rememberedKeys]).toEqual([7, 1])
    expect(await times('f', 'x'.repeat(300))).toBe(8)
    expect(await call('p.do', ['x'.repeat(300)], { idempotencyKey: 'f' })).toMatchObject({
      error: { code: 'CAPABILITY_NOT_REPEATABLE', message: expect.stringContaining('its answer') },
    })
  })

  it('does not outlive the grant', async () => {
    const { call, session } = openSession([providerOf('p', { do: () => 1 })])
    await call('p.do', [], { idempotencyKey: 'k' })
    session.revoke('p.do')
    expect(codeOf(await call('p.do', [], { idempotencyKey: 'k' }))).toBe('CAPABILITY_DENIED')
  })
})

it('makes no call twice whose answer stands, whatever the order', async () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('call' as const), key: fc.nat({ max: 2 }), arg: fc.nat({ max: 1 }) }),
    fc.record({ what: fc.constantFrom('finish' as const, 'fail' as const, 'cancel' as const), at: fc.nat() }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      interface Made {
        readonly key: string
        readonly id: number
        readonly settle: (isOk: boolean) => void
        state: 'running' | 'ok' | 'failed' | 'cut off'
      }
      const made: Made[] = []
      const { call, session } = openSession([
        providerOf('p', {
          do: (_, { idempotencyKey, signal }) =>
            new Promise((resolve, reject) => {
              const each: Made = {
                key: idempotencyKey as string,
                id: made.length,
                state: 'running',
                settle: (isOk) => {
                  if (each.state !== 'running') return
                  each.state = isOk ? 'ok' : 'failed'
                  if (isOk) resolve(each.id)
                  else reject(new CapsuleError('FAILED', String(each.id), {}))
                },
              }
              signal.addEventListener('abort', () => {
                each.state = 'cut off'
                reject(new Error('cut off'))
              })
              made.push(each)
            }),
        }),
      ])
      const results: { key: string; arg: number; code: string; by: string | undefined }[] = []
      const calls: Promise<unknown>[] = []
      const controllers: AbortController[] = []
      for (const given of steps) {
        if (given.what === 'call') {
          const controller = new AbortController()
          controllers.push(controller)
          const key = `k${given.key}`
          const run = async (): Promise<void> => {
            const answer = await call('p.do', [given.arg], { idempotencyKey: key, signal: controller.signal })
            const by = answer.kind === 'value' ? String(valueOf(answer)) : answer.error.message
            results.push({ key, arg: given.arg, code: codeOf(answer), by })
          }
          calls.push(run())
        } else if (given.what === 'cancel') controllers[given.at % controllers.length]?.abort()
        else made[given.at % made.length]?.settle(given.what === 'finish')
        await settled()
        // one at a time, and none after one whose answer stands
        for (const key of ['k0', 'k1', 'k2']) {
          const states = made.filter((each) => each.key === key).map(({ state }) => state)
          expect(states.slice(0, -1).every((state) => state === 'cut off')).toBe(true)
        }
      }
      for (const each of made) each.settle(true)
      session.close()
      await waitFor(Promise.all(calls))
      for (const { key, code, by } of results) {
        const expected = {
          ok: `${key} ok`,
          FAILED: `${key} failed`,
          CANCELLED: undefined,
          CAPABILITY_KEY_CONFLICT: undefined,
        }
        expect(Object.keys(expected)).toContain(code)
        const maker = made[Number(by)]
        expect(maker && `${maker.key} ${maker.state}`).toBe(expected[code as keyof typeof expected])
      }
      // one answer for all with the same key, and for one kind of arguments
      for (const key of ['k0', 'k1', 'k2']) {
        const answered = results.filter((each) => each.key === key && ['ok', 'FAILED'].includes(each.code))
        expect(new Set(answered.map(({ by, arg }) => `${by} ${arg}`)).size).toBeLessThanOrEqual(1)
      }
      expect(session.info().pending).toBe(0)
    }),
    { numRuns: 200 },
  )
})
