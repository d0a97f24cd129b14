import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { codeOf, createTestProvider, fetchWith } from './fetching.ts'
import { type Answer, startRawSite, startSite } from './site.ts'

/** Fails so many times, then succeeds. */
function failing(times: number, headers: Record<string, string> = {}): Answer {
  let left = times
  return (_, response) => void (left-- > 0 ? response.writeHead(503, headers).end('busy') : response.end('ok'))
}

it('does not send again unless it is told to', async () => {
  await using site = await startSite(failing(1))
  await using provider = createTestProvider([site.port])
  expect((await fetchWith(provider, `http://a.example.com:${site.port}/`)).value.status).toBe(503)
  expect(site.requests.values).toHaveLength(1)
})

it('sends again with growing waits, and gives up after the last attempt', async () => {
  const clock = createFakeClock()
  await using site = await startSite(failing(4))
  await using provider = createTestProvider([site.port], {
    clock,
    random: () => 0.5,
    retry: { attempts: 3, baseDelayMs: 1000 },
  })
  const call = fetchWith(provider, `http://a.example.com:${site.port}/`, {}, { clock: createFakeClock() })
  for (const [requests, waitMs] of [
    [1, 500],
    [2, 1000],
  ] as const) {
    // the deadline of the call, and the wait
    await clock.timerSet(2)
    clock.advance(waitMs - 1)
    expect(clock.pendingTimers).toBe(2)
    expect(site.requests.values).toHaveLength(requests)
    clock.advance(1)
    await site.requests.waitForCount(requests + 1)
  }
  const result = await call
  expect(result.value.status).toBe(503)
  expect(result.annotations).toMatchObject({ attempts: 3, hops: 0 })
})

it('waits as long as the server asks for, within the deadline', async () => {
  const clock = createFakeClock()
  const inSeconds = (): string => '5'
  const asDate = (): string => new Date(clock.wallTimeMs() + 5000).toUTCString()
  for (const after of [inSeconds, asDate]) {
    await using site = await startSite(failing(1, { 'retry-after': after() }))
    await using provider = createTestProvider([site.port], { clock, retry: {} })
    const call = fetchWith(provider, `http://a.example.com:${site.port}/`)
    await clock.timerSet(2)
    clock.advance(4000)
    expect(clock.pendingTimers).toBe(2)
    clock.advance(1000)
    expect((await call).text()).toBe('ok')
  }
  await using site = await startSite(failing(1, { 'retry-after': '31' }))
  await using provider = createTestProvider([site.port], { clock, retry: {} })
  expect((await fetchWith(provider, `http://a.example.com:${site.port}/`)).value.status).toBe(503)
})

it('sends again only what may be sent twice', async () => {
  const clock = createFakeClock()
  await using site = await startSite(failing(100))
  await using provider = createTestProvider([site.port], {
    clock,
    methods: ['GET', 'POST', 'PUT'],
    retry: { statuses: [503] },
  })
  const url = `http://a.example.com:${site.port}/`
  expect((await fetchWith(provider, url, { method: 'POST', body: 'x' })).value.status).toBe(503)
  expect((await fetchWith(provider, url, { method: 'PUT' }, { body: [Buffer.from('x')] })).value.status).toBe(503)
  expect(site.requests.values).toHaveLength(2)
})

it('sends again when the connection was lost, and the cancel of the cell ends the wait', async () => {
  const clock = createFakeClock()
  let answers = 0
  await using site = await startRawSite((socket) => {
    if (answers++ === 0) socket.destroy()
    else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  })
  await using provider = createTestProvider([site.port], { clock, retry: {} })
  const url = `http://a.example.com:${site.port}/`
  const call = fetchWith(provider, url)
  await clock.timerSet(2)
  clock.advance(1000)
  expect((await call).text()).toBe('ok')

  answers = 0
  const controller = new AbortController()
  const cancelled = fetchWith(provider, url, { signal: controller.signal })
  await clock.timerSet(2)
  controller.abort()
  expect(await codeOf(cancelled)).toBe('CANCELLED')
  expect(clock.pendingTimers).toBe(0)
})
