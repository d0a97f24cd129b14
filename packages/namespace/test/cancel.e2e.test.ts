import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start()
})
afterAll(() => engine.stop())

/** Cancels the cell as soon as it runs. */
async function cancelled(code: string, reason: 'cancelled' | 'timed-out' = 'cancelled') {
  const executionId = engine.begin(code)
  // answered on the same thread, so the cell has run up to its first await by then
  await engine.counters()
  engine.cancel(executionId, reason)
  return engine.settled(executionId)
}

test('a pending await rejects, and finally runs', async () => {
  const { completion } = await cancelled('globalThis.cleaned = 0; try { await pause() } finally { cleaned = 1 }')
  expect(completion).toMatchObject({ kind: 'throw', cancelled: true, error: { code: 'CANCELLED' } })
  expect(await engine.value('cleaned')).toBe(1)
})

test('a timeout has its own code', async () => {
  const { completion } = await cancelled('await pause()', 'timed-out')
  expect(completion).toMatchObject({
    kind: 'throw',
    cancelled: true,
    error: { name: 'CapsuleError', code: 'TIMED_OUT' },
  })
})

test('a loop of timer awaits ends', async () => {
  const { completion } = await cancelled('for (;;) await new Promise((resolve) => setTimeout(resolve, 1))')
  expect(completion).toMatchObject({ cancelled: true })
})

test('a loop of settled awaits ends at its next await', async () => {
  const { completion } = await engine.run(
    'const stop = new AbortController(); capsule.signal; setTimeout(() => 0); let n = 0; for (;;) { await null; if (++n === 1000) break } n',
  )
  expect(completion).toMatchObject({ kind: 'value', text: '1000' })
})

test('a swallowed cancellation is a value, and another error is no cancellation', async () => {
  const swallowed = await cancelled("try { await pause() } catch { 'swallowed' }")
  expect(swallowed.completion).toMatchObject({ kind: 'value', text: "'swallowed'" })
  const wrapped = await cancelled("try { await pause() } catch (error) { throw new Error('mine', { cause: error }) }")
  expect(wrapped.completion).toMatchObject({ kind: 'throw', cancelled: false, error: { cause: { code: 'CANCELLED' } } })
})

test('every further await throws', async () => {
  const { completion } = await cancelled(
    'let throws = 0; for (let i = 0; i < 3; i++) { try { await pause() } catch { throws++ } } throws',
  )
  expect(completion).toMatchObject({ kind: 'value', text: '3' })
})

test('the signal of the cell fires', async () => {
  const { value } = await cancelled(
    "await new Promise((resolve) => capsule.signal.addEventListener('abort', () => resolve())).catch(() => 0)",
  ).then(() => engine.run('1'))
  expect(value).toBe(1)
  await cancelled(
    'globalThis.reason = 0; capsule.signal.onabort = () => { reason = capsule.signal.reason.code }; await pause()',
  )
  expect(await engine.value('reason')).toBe('CANCELLED')
})

test('for await tells its source to return', async () => {
  const { completion } = await cancelled(`
    globalThis.returned = 0
    const endless = { [Symbol.asyncIterator]: () => ({ next: () => pause(), return: () => { returned++; return {} } }) }
    for await (const x of endless) {}
  `)
  expect(completion).toMatchObject({ cancelled: true })
  expect(await engine.value('returned')).toBe(1)
})

test('other executions go on', async () => {
  const other = engine.begin('await new Promise((resolve) => setTimeout(resolve, 20)); 5')
  await cancelled('await pause()')
  expect((await engine.settled(other)).completion).toMatchObject({ kind: 'value', text: '5' })
})

test('unawaited work of a cancelled cell stops without a late error', async () => {
  await cancelled('void (async () => { await pause() })(); await pause()')
  const executionId = engine.begin("setTimeout(() => { throw new Error('marker') })")
  await engine.settled(executionId)
  expect((await engine.late()).error.message).toBe('marker')
})

test('its timers end with it', async () => {
  await cancelled('globalThis.ticks = 0; setInterval(() => ticks++, 1); setTimeout(() => ticks++, 2); await pause()')
  const ticks = await engine.value('ticks')
  expect(await engine.value('await new Promise((resolve) => setTimeout(resolve, 10)); ticks')).toBe(ticks)
})
