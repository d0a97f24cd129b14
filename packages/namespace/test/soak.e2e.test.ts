import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'

test('10,000 cells leak nothing', { timeout: 60_000 }, async () => {
  // with the young generation of a worker: how far it grows is V8's choice, and no leak
  const engine = await startEngine({}, { execArgv: ['--expose-gc', '--max-semi-space-size=8'] })
  const code = 'const soaked = { round: ROUND, load: new Array(100).fill(ROUND) }; soaked.round'
  const warm = await engine.soak(2000, code)
  const after = await engine.soak(10_000, code)
  // a leak of one object per cell would be more than 8 MB: each holds 100 slots
  expect(after.heapBytes - warm.heapBytes).toBeLessThan(4 * 1024 * 1024)
  expect(after.rssBytes - warm.rssBytes).toBeLessThan(64 * 1024 * 1024)
})

test('a million awaits of one pending promise leave nothing behind', { timeout: 60_000 }, async () => {
  const engine = await startEngine({}, { execArgv: ['--expose-gc'] })
  const bytes = await engine.value(`
    const pending = new Promise(() => {}), settled = Promise.resolve(1)
    const loop = async (times) => { for (let i = 0; i < times; i++) await settled }
    void (async () => { await pending })()
    await loop(10_000); gc()
    const before = process.memoryUsage().heapUsed
    await loop(1_000_000); gc()
    process.memoryUsage().heapUsed - before
  `)
  expect(bytes).toBeLessThan(2 * 1024 * 1024)
})
