import { createFakeClock, type FakeClock } from '@capsule/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Patience } from './patience.ts'

const unavailableAfterMs = 60_000
const network = (cause: object): { kind: 'network'; error: unknown } => ({
  kind: 'network',
  error: new TypeError('fetch failed', { cause }),
})

function open(): { patience: Patience; clock: FakeClock; ask: (lengthMs: number) => Promise<void> } {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response()))
  onTestFinished(() => void vi.unstubAllGlobals())
  const clock = createFakeClock()
  const patience = new Patience({ clock, unavailableAfterMs })
  const ask = async (lengthMs: number): Promise<void> => {
    await patience.fetch('http://127.0.0.1')
    clock.advance(lengthMs)
  }
  return { patience, clock, ask }
}

it.each([
  ['refuses connections', 1, { code: 'ECONNREFUSED', syscall: 'connect' }],
  ['lets connections time out', 10_000, { code: 'UND_ERR_CONNECT_TIMEOUT' }],
  ['has a name that is not found in time', 5000, { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }],
  ['refuses connections at each of its addresses', 2000, { code: 'ETIMEDOUT', errors: [{ syscall: 'connect' }] }],
])('ends for a server that %s', async (_, lengthMs, cause) => {
  const { patience, clock, ask } = open()
  await ask(lengthMs)
  expect(patience.allows(network(cause))).toBe(true)
  clock.advance(unavailableAfterMs - lengthMs - 1)
  await ask(lengthMs)
  expect(patience.allows(network(cause))).toBe(true)
  await ask(lengthMs)
  expect(patience.allows(network(cause))).toBe(false)
})

it('begins anew with each request that had reached the server', async () => {
  const { patience, ask } = open()
  for (let request = 0; request < 3; request++) {
    await ask(300_000)
    expect(patience.allows(network({ code: 'UND_ERR_HEADERS_TIMEOUT' }))).toBe(true)
  }
})

it('says who failed', async () => {
  const { patience, ask } = open()
  await ask(1)
  const headers = new Headers({ 'x-restate-error-source': 'invocation' })
  expect(patience.allows({ kind: 'response', status: 500, headers })).toBe(false)
  expect(patience.source).toBe('invocation')
  expect(patience.allows({ kind: 'response', status: 404, headers: new Headers() })).toBe(false)
  expect(patience.source).toBe(undefined)
})
