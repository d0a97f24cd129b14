import { capabilityReply } from '@capsule/core'
import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import {
  capabilityOf,
  type CapabilityChanges,
  codeOf,
  type Handler,
  openSession,
  providerOf,
  settled,
  valueOf,
} from '../test/fixture.ts'
import type { CapabilityAnswer } from './index.ts'

const streaming = (handler: Handler, changes: CapabilityChanges = {}) =>
  openSession([
    providerOf(
      'p',
      { do: capabilityOf(handler, { returns: 'body', bodyField: 'content', ...changes }) },
      { token: () => 'abcdefgh' },
    ),
  ])

/** A source that waits to be fed, and tells that it was left. */
function feed() {
  const chunks: { resolve: (result: IteratorResult<unknown>) => void; reject: (error: unknown) => void }[] = []
  const state = { left: 0, asked: 0 }
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        state.asked++
        return new Promise<IteratorResult<Uint8Array>>((resolve, reject) =>
          chunks.push({ resolve: resolve as never, reject }),
        )
      },
      return: async () => {
        state.left++
        return { done: true, value: undefined }
      },
    }),
  }
  return {
    source,
    state,
    give: (value: unknown) => chunks.shift()?.resolve({ done: false, value }),
    end: () => chunks.shift()?.resolve({ done: true, value: undefined }),
    fail: (error: unknown) => chunks.shift()?.reject(error),
  }
}

const bodyOf = (answer: CapabilityAnswer): AsyncIterator<unknown> => {
  if (answer.kind === 'error' || answer.body === undefined) throw new Error(`no body: ${codeOf(answer)}`)
  return answer.body[Symbol.asyncIterator]()
}

describe('the body of a reply', () => {
  it('tells whoever sends it that its time is over, also while nobody reads', async () => {
    const { call, clock } = streaming(() => capabilityReply({}, feed().source), { limits: { timeoutMs: 100 } })
    const answer = await waitFor(call('p.do'))
    const signal = answer.kind === 'value' ? answer.signal : undefined
    expect(signal?.aborted).toBe(false)
    clock.advance(100)
    expect(signal?.reason).toMatchObject({ code: 'CAPABILITY_TIMED_OUT' })
  })

  it('keeps the call until it is read', async () => {
    const { source, state, give, end } = feed()
    const { call, session, clock, records } = streaming(() => capabilityReply({ status: 200 }, source), {
      limits: { concurrent: 1 },
    })
    const answer = await waitFor(call('p.do'))
    expect(valueOf(answer)).toEqual({ status: 200 })
    const body = bodyOf(answer)
    expect(state.asked).toBe(0)
    const first = body.next()
    await settled()
    give(new Uint8Array(10))
    expect(await waitFor(first)).toEqual({ done: false, value: new Uint8Array(10) })
    const second = body.next()
    await settled()
    give({ line: 1 })
    expect(await waitFor(second)).toEqual({ done: false, value: { line: 1 } })
    const waiting = call('p.do')
    await settled()
    expect(session.info()).toMatchObject({ pending: 2, waiting: 1, outcomes: { ok: 0 } })
    clock.advance(50)
    const last = body.next()
    await settled()
    end()
    expect(await waitFor(last)).toEqual({ done: true, value: undefined })
    expect(await body.next()).toEqual({ done: true, value: undefined })
    expect(records[1]).toMatchObject({ type: 'call', outcome: 'ok', durationMs: 50 })
    expect(records[1]?.outputBytes).toBeGreaterThan(20)
    expect(state.left).toBe(0)
    bodyOf(await waitFor(waiting))
    session.close()
  })

  it('is empty where a handler gives none', async () => {
    const { call } = streaming(() => 1)
    expect(await bodyOf(await call('p.do')).next()).toEqual({ done: true, value: undefined })
  })

  it('is left when the cell leaves it', async () => {
    const { source, state } = feed()
    const signals: AbortSignal[] = []
    const { call, session } = streaming((_, { signal }) => {
      signals.push(signal)
      return capabilityReply(1, source)
    })
    const body = bodyOf(await call('p.do'))
    void body.next()
    await body.return?.()
    await settled()
    expect([state.left, signals[0]?.aborted, session.info().pending]).toEqual([1, true, 0])
    expect(session.info().outcomes.ok).toBe(1)
  })

  it('ends with the deadline, also when nobody reads and nobody writes', async () => {
    const { source, state } = feed()
    const { call, clock, session } = streaming(() => capabilityReply(1, source))
    const [read, unread] = [bodyOf(await call('p.do')), bodyOf(await call('p.do'))]
    const reading = read.next()
    clock.advance(1000)
    await expect(waitFor(reading)).rejects.toMatchObject({ code: 'CAPABILITY_TIMED_OUT' })
    await expect(unread.next()).rejects.toMatchObject({ code: 'CAPABILITY_TIMED_OUT' })
    expect(await unread.next()).toEqual({ done: true, value: undefined })
    expect([state.left, session.info().pending]).toEqual([2, 0])
  })

  it('ends with the cell', async () => {
    const { source } = feed()
    const controller = new AbortController()
    const { call } = streaming(() => capabilityReply(1, source))
    const reading = bodyOf(await call('p.do', [], { signal: controller.signal })).next()
    controller.abort()
    await expect(waitFor(reading)).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('is no larger than the capability allows', async () => {
    const { source, state, give } = feed()
    const { call, session } = streaming(() => capabilityReply(1, source), { limits: { outputBytes: 100 } })
    const body = bodyOf(await call('p.do'))
    const read = async (chunk: unknown): Promise<unknown> => {
      const reading = body.next()
      await settled()
      give(chunk)
      return (await waitFor(reading)).value
    }
    expect(await read(new Uint8Array(60))).toEqual(new Uint8Array(60))
    await expect(read('x'.repeat(60))).rejects.toMatchObject({ code: 'CAPABILITY_RESULT_TOO_LARGE' })
    expect([state.left, session.info().pending, session.info().outputBytes]).toEqual([1, 0, 61])
  })

  it('carries values whole or not at all', async () => {
    const { source, give } = feed()
    const { call } = streaming(() => capabilityReply(1, source))
    const reading = bodyOf(await call('p.do')).next()
    await settled()
    give({ a: () => 1 })
    await expect(waitFor(reading)).rejects.toMatchObject({ code: 'CAPABILITY_RESULT_INVALID' })
  })

  it.each([
    [
      'typed',
      Object.assign(new Error('gone, abcdefgh'), { name: 'CapsuleError', code: 'HTTP_RESET' }),
      'HTTP_RESET',
      'gone, [token]',
    ],
    [
      'untyped',
      new Error('abcdefgh'),
      'CAPABILITY_FAILED',
      "p.do failed in its provider (the host's audit has the reason)",
    ],
  ])('fails as its source does: %s', async (_, thrown, code, message) => {
    const { source, fail } = feed()
    const { call, records } = streaming(() => capabilityReply(1, source))
    const reading = bodyOf(await call('p.do')).next()
    await settled()
    fail(thrown)
    await expect(waitFor(reading)).rejects.toMatchObject({ code, message })
    expect(records.at(-1)).toMatchObject({ outcome: 'failed', code })
  })

  it('is let go when its value cannot cross', async () => {
    const { source, state } = feed()
    const { call } = streaming(() => capabilityReply(() => 1, source))
    expect(codeOf(await call('p.do'))).toBe('CAPABILITY_RESULT_INVALID')
    expect(state.left).toBe(1)
  })

  it('is let go when it comes too late', async () => {
    const { source, state } = feed()
    const late = Promise.withResolvers<unknown>()
    const controller = new AbortController()
    const { call } = streaming(() => late.promise)
    const answer = call('p.do', [], { signal: controller.signal })
    controller.abort()
    await waitFor(answer)
    late.resolve(capabilityReply(1, source))
    await settled()
    expect(state.left).toBe(1)
  })
})

describe('what a cell streams', () => {
  const collect: Handler = async (_, { body }) => {
    let bytes = 0
    for await (const chunk of body ?? []) bytes += chunk.length
    return bytes
  }

  it('reaches the handler, and is counted', async () => {
    const { source, give, end } = feed()
    const { call, records } = streaming(collect, { returns: 'value' })
    const answer = call('p.do', ['a'], { body: source })
    for (const size of [10, 20]) {
      await settled()
      give(new Uint8Array(size))
    }
    await settled()
    end()
    expect(valueOf(await waitFor(answer))).toBe(30)
    expect(records.at(-1)?.inputBytes).toBe(30 + 3)
  })

  it('is no larger than the capability allows, also when the handler hides the error', async () => {
    const { source, state, give } = feed()
    const { call, session } = streaming(
      async (input, context) => {
        try {
          return await collect(input, context)
        } catch {
          return 'fine'
        }
      },
      { returns: 'value', limits: { inputBytes: 50 } },
    )
    const answer = call('p.do', [], { body: source })
    for (const size of [30, 30]) {
      await settled()
      give(new Uint8Array(size))
    }
    expect(codeOf(await waitFor(answer))).toBe('CAPABILITY_INPUT_TOO_LARGE')
    await settled()
    expect([state.left, session.info().pending, session.info().inputBytes]).toEqual([1, 0, 31])
  })

  it.each(['p.do', 'p.unknown', 'denied', 'refused'])('is let go when the call ends without it: %s', async (how) => {
    const { source, state } = feed()
    const { call, session } = streaming(() => 1, { returns: 'value' })
    if (how === 'denied') session.revoke('*')
    const args = how === 'refused' ? [1, 2, 3] : []
    await call(how.startsWith('p.') ? how : 'p.do', args, { body: source })
    expect(state.left).toBe(1)
  })

  it('ends for a handler that reads on after the call', async () => {
    const { source } = feed()
    const reads: Promise<unknown>[] = []
    const controller = new AbortController()
    const { call } = streaming(
      async (_, { body }) => {
        const iterator = body![Symbol.asyncIterator]()
        reads.push(iterator.next())
        await new Promise(() => {})
      },
      { returns: 'value' },
    )
    const answer = call('p.do', [], { body: source, signal: controller.signal })
    await settled()
    controller.abort()
    await expect(waitFor(reads[0]!)).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(codeOf(await answer)).toBe('CANCELLED')
  })
})
