import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'

test('In holds sources and Out values, by cell number', async () => {
  const engine = await startEngine()
  await engine.run('6 * 7')
  await engine.run('undefined')
  await engine.run("await 'later'")
  expect(await engine.value('In[1]')).toBe('6 * 7')
  expect(await engine.value('In[capsule.cell]')).toBe('In[capsule.cell]')
  expect(await engine.value('Out[1]')).toBe(42)
  expect(await engine.value('[2 in Out, Out[3]]')).toEqual([false, 'later'])
})

test('_, __ and ___ are the last three values', async () => {
  const engine = await startEngine()
  for (const code of ["'a'", "'b'", 'undefined', "'c'"]) await engine.run(code)
  expect(await engine.value('[_, __, ___]')).toEqual(['c', 'b', 'a'])
})

test('cells without history leave it alone', async () => {
  const engine = await startEngine()
  await engine.run('1')
  await engine.run('2', { storeHistory: false })
  const { value, cell } = await engine.run('[_, Object.keys(In)]')
  expect(value).toEqual([1, ['1', '2']])
  expect(cell).toBe(2)
})

test('who assigns a name of the history owns it until it is deleted', async () => {
  const engine = await startEngine()
  await engine.run("const _ = 'mine'")
  await engine.run('5')
  expect(await engine.value('_')).toBe('mine')
  await engine.run('In = 3')
  expect(await engine.value('In')).toBe(3)
  await engine.run('delete globalThis._; delete globalThis.In; undefined')
  expect(await engine.value('[_, typeof In]')).toEqual([3, 'object'])
})

test('a frozen history stays as it is, and cells run', async () => {
  const engine = await startEngine()
  await engine.run('Object.freeze(In); Object.freeze(Out); undefined')
  expect(await engine.value('1 + 1')).toBe(2)
  expect(await engine.value('Object.keys(Out)')).toEqual([])
})

test('the last 1,000 cells are kept', async () => {
  const engine = await startEngine()
  await engine.soak(1500, 'ROUND')
  expect(await engine.value('[Object.keys(In).length, Object.keys(Out).length, In[500], In[502]]')).toEqual([
    1000,
    1000,
    undefined,
    '501',
  ])
})
