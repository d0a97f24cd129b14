import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start({ cwd: '/tmp' })
})
afterAll(() => engine.stop())

test('frames name cells, and nothing of Capsule or of Node below them', async () => {
  const { cell } = await engine.run(
    'function outer() {\n  return inner()\n}\nfunction inner() {\n  throw new RangeError("deep")\n}',
  )
  const { error, cell: caller } = await engine.run('1;\n  [0].map(outer)')
  expect(error).toEqual({
    name: 'RangeError',
    message: 'deep',
    line: 5,
    column: 9,
    stack: [
      'RangeError: deep',
      `    at inner (cell-${cell}.js:5:9)`,
      `    at outer (cell-${cell}.js:2:10)`,
      '    at Array.map (<anonymous>)',
      `    at cell-${caller}.js:2:7`,
    ].join('\n'),
  })
})

test('columns are those of the source, also where the cell was rewritten', async () => {
  const code = 'const before = await 1; const after = await nothingHere'
  const { error, cell } = await engine.run(code)
  const column = code.indexOf('nothingHere') + 1
  expect(error).toMatchObject({ name: 'ReferenceError', line: 1, column })
  expect(error?.stack).toContain(`cell-${cell}.js:1:${column}`)
})

test('asynchronous frames are kept through guarded awaits', async () => {
  const { error, cell } = await engine.run(
    'async function failing() {\n  await null\n  throw new Error("far")\n}\nasync function calling() {\n  await failing()\n}\nawait calling()',
  )
  const places = [...(error?.stack ?? '').matchAll(/cell-(\d+)\.js:(\d+)/g)].map(([, n, line]) => [
    Number(n),
    Number(line),
  ])
  expect(places).toEqual([3, 6, 8].map((line) => [cell, line]))
})

test('a given filename is shown as it was given', async () => {
  const { error } = await engine.run('\nnull.x', { filename: 'lib/part.js' })
  expect(error?.stack).toContain('    at lib/part.js:2:6')
  expect(await engine.value('__filename', { filename: 'lib/part.js' })).toBe('/tmp/lib/part.js')
})

test('a syntax error has its place and a caret', async () => {
  const { error, cell } = await engine.run('let fine = 1\nlet \twrong = = 2')
  expect(error).toMatchObject({ name: 'SyntaxError', line: 2, column: 14 })
  expect(error?.stack).toMatch(
    new RegExp(
      `^cell-${cell}\\.js:2\nlet \twrong = = 2\n {4}\t {8}\\^\n\nSyntaxError: [^\n]+\n {4}at cell-${cell}\\.js:2:14$`,
    ),
  )
})

test('a syntax error that only V8 sees has its place, too', async () => {
  const { error } = await engine.run('1;\nfoo(;')
  expect(error).toMatchObject({ name: 'SyntaxError', line: 2, column: 5 })
})

test('a SyntaxError thrown by code of the cell is an error of that line', async () => {
  const { error } = await engine.run('\nJSON.parse("{")')
  expect(error).toMatchObject({ name: 'SyntaxError', line: 2, column: 6 })
})

test('a thrown value that is no error is its own name and message', async () => {
  expect((await engine.run('throw 5')).error).toMatchObject({ name: '5', message: '5', thrown: expect.anything() })
  expect((await engine.run("throw 'oops'")).error).toMatchObject({ name: 'oops', message: 'oops' })
  expect((await engine.run('throw undefined')).error).toMatchObject({ name: 'undefined' })
  expect((await engine.run('throw Object.create(null)')).error).toMatchObject({ name: '[Object: null prototype] {}' })
})

test('code, cause and errors cross, within limits', async () => {
  const { error } = await engine.run(`
    let chain = new Error('bottom'); for (let i = 0; i < 20; i++) chain = new Error('link', { cause: chain })
    const many = new AggregateError(Array.from({ length: 50 }, (_, i) => new Error('e' + i)), 'many', { cause: chain })
    throw Object.assign(many, { code: 'E_MANY' })
  `)
  expect(error).toMatchObject({ name: 'AggregateError', message: 'many', code: 'E_MANY' })
  expect(error?.errors).toHaveLength(20)
  let depth = 0
  for (let cause = error?.cause; cause !== undefined; cause = cause.cause) depth++
  expect(depth).toBe(8)
})

test('an error that refers to itself ends', async () => {
  const { error } = await engine.run(
    "const loop = new Error('loop'); loop.cause = loop; loop.errors = [loop, loop, loop]; throw loop",
  )
  expect(error?.message).toBe('loop')
})

test.each([
  ["throw new Proxy(new Error('hidden'), { get() { throw new Error('trap') } })"],
  ["throw Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('getter') } })"],
  ["throw Object.defineProperty(new Error('x'), 'stack', { get() { throw new Error('getter') } })"],
  ["throw Object.setPrototypeOf(new Error('x'), null)"],
  ["throw Object.assign(new Error('x'), { name: Symbol('s'), message: 5, stack: {} })"],
  ["throw { message: 'duck', stack: 'quack' }"],
  ['throw Symbol("s")'],
])('%s ends the cell with an error', async (code) => {
  const { completion } = await engine.run(code)
  expect(completion).toMatchObject({ kind: 'throw', error: { name: expect.any(String), message: expect.any(String) } })
})

test('a huge message is cut', async () => {
  const { error } = await engine.run("throw new Error('x'.repeat(10_000_000))")
  expect(error?.message).toHaveLength(16_384)
  expect(error?.stack?.length).toBeLessThanOrEqual(32_768)
})

test('errors of another realm and DOMExceptions are errors', async () => {
  const { error } = await engine.run("require('node:vm').runInNewContext('null.x')")
  expect(error).toMatchObject({ name: 'TypeError' })
  expect((await engine.run("throw new DOMException('no', 'DataError')")).error).toMatchObject({
    name: 'DataError',
    message: 'no',
  })
})

test("Error.prepareStackTrace and stackTraceLimit are the user's", async () => {
  await engine.run('Error.prepareStackTrace = (error, sites) => sites')
  expect((await engine.run("throw new Error('raw')")).error).toMatchObject({ name: 'Error', message: 'raw' })
  await engine.run("Error.prepareStackTrace = () => { throw new Error('no') }")
  expect((await engine.run("throw new Error('raw')")).error?.message).toBe('raw')
  await engine.run('delete Error.prepareStackTrace; Error.stackTraceLimit = 0')
  expect((await engine.run("throw new Error('bare')")).error).toMatchObject({ message: 'bare', stack: 'Error: bare' })
})
