import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EngineProcess, startEngine } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start({ cwd: '/tmp' })
})
afterAll(() => engine.stop())

describe('cells', () => {
  test('share their declarations, which can be declared again', async () => {
    await engine.value('let shared = 1; const fixed = 2; function twice(n) { return n * 2 }')
    expect(await engine.value('twice(shared) + fixed')).toBe(4)
    await engine.value('const shared = 10; let fixed = 5')
    expect(await engine.value('fixed = 6; twice(shared) + fixed')).toBe(26)
  })

  test('cannot assign a constant of an earlier cell', async () => {
    await engine.value('const pinned = 1')
    const { error } = await engine.run('pinned = 2')
    expect(error).toMatchObject({ name: 'TypeError', message: 'Assignment to constant variable.' })
    expect(await engine.value('pinned')).toBe(1)
  })

  test('keep what they had made before they failed, and leave the rest free', async () => {
    const { completion } = await engine.run('const early = 1; const never = fail()')
    expect(completion.kind).toBe('throw')
    expect(await engine.value('never = 3; early + never')).toBe(4)
  })

  test('await at the top level', async () => {
    expect(
      await engine.value('const later = await new Promise((resolve) => setTimeout(resolve, 1, 7)); later + 1'),
    ).toBe(8)
    expect(await engine.value('later')).toBe(7)
    expect(await engine.value('let sum = 0; for await (const n of [1, Promise.resolve(2)]) sum += n; sum')).toBe(3)
  })

  test('may be TypeScript', async () => {
    const { value, completion } = await engine.run('interface P { n: number }\nconst p: P = { n: 3 }\np.n as number')
    expect(completion.kind === 'throw' ? completion.error : value).toBe(3)
    const { error, cell } = await engine.run('const q: number = 1\n;(q as any).nothing.at()')
    expect(error).toMatchObject({ name: 'TypeError', line: 2 })
    expect(error?.stack).toContain(`at cell-${cell}.ts:2:`)
  })

  test('shadow globals of Node that are getters', async () => {
    await engine.value("const navigator = { name: 'mine' }; const crypto = 1")
    expect(await engine.value('navigator.name + crypto')).toBe('mine1')
  })

  test('cannot declare the name that their own rewritten code calls', async () => {
    const { error } = await engine.run('let __capsule__ = 1')
    expect(error?.code).toBe('RESERVED_NAME')
    expect(await engine.value('await 1')).toBe(1)
  })

  test('do not flatten a promise that they return, and settle outside of the execution', async () => {
    const { completion, cause } = await engine.run('Promise.resolve(1)')
    expect(completion).toMatchObject({ kind: 'value', text: 'Promise { 1 }' })
    expect(completion).not.toHaveProperty('value')
    expect(cause).toBeUndefined()
    expect((await engine.run('await 1')).cause).toBeUndefined()
  })

  test('have a text even when their value resists inspection', async () => {
    const { completion } = await engine.run(
      "({ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('no') } })",
    )
    expect(completion).toMatchObject({ kind: 'value', text: '[object: its inspection failed]' })
  })
})

describe('capsule', () => {
  test('tells what caused the code that runs, also after it settled', async () => {
    await engine.run('const seen = []; setTimeout(() => seen.push(capsule.executionId), 5); 0', {
      executionId: 'first',
    })
    await engine.run('await new Promise((resolve) => setTimeout(resolve, 20)); seen.push(capsule.executionId)', {
      executionId: 'second',
    })
    expect(await engine.value('seen')).toEqual(['first', 'second'])
  })

  test('gives each cell its number and filename', async () => {
    const { cell, value } = await engine.run('[capsule.cell, __filename, __dirname]')
    expect(value).toEqual([cell, `/tmp/cell-${cell}.js`, '/tmp'])
    expect(await engine.value('capsule.cell', { storeHistory: false })).toBe(0)
  })

  test('can be shadowed', async () => {
    expect(await engine.value('const capsule = 5; capsule')).toBe(5)
  })
})

describe('counters', () => {
  test('count bindings, cells and compiled scripts', async () => {
    const before = await engine.counters()
    await engine.value('const counted = 1')
    await engine.value('1 + 41', { storeHistory: false })
    await engine.value('1 + 41', { storeHistory: false })
    const after = await engine.counters()
    expect(after.bindings).toBe(before.bindings + 1)
    expect(after.cells).toBe(before.cells + 3)
    expect(after.codeCache.hits).toBe(before.codeCache.hits + 1)
  })
})

test('a disposed engine lets the process go', async () => {
  const short = await startEngine()
  await short.value('1')
  expect(await short.dispose()).toBe(0)
})
