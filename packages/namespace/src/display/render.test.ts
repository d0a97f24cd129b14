import { expect, it } from 'vitest'
import { displayRenderers as render } from './render.ts'

const hook = Symbol.for('Jupyter.display')

it('asks a value that says how it is shown, also one that takes its time', async () => {
  expect(render.value({ [hook]: () => ({ 'text/html': 'x' }) })).toEqual({ 'text/html': 'x' })
  expect(await render.value({ [hook]: async () => ({ 'text/html': 'y' }) })).toEqual({ 'text/html': 'y' })
  class Chart {
    kind = 'bar';
    [hook](): object {
      return { 'text/plain': this.kind }
    }
  }
  expect(render.value(new Chart())).toEqual({ 'text/plain': 'bar' })
  expect(() => render.value({ [hook]: () => 5 })).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
})

it('runs no trap of a proxy to find out', () => {
  const proxy = new Proxy({}, { get: () => expect.unreachable() })
  // Node 24 shows the target, Node 26 that it is a proxy
  expect(render.value(proxy)).toEqual({ 'text/plain': expect.stringMatching(/^(\{\}|Proxy\(\{\}\))$/) })
})

it('takes a MIME bundle as it is', () => {
  const bundle = { 'text/plain': 'a', 'application/vnd.vega.v5+json': { mark: 'bar' } }
  expect(render.value(bundle)).toBe(bundle)
  expect(render.value({ 'text/plain': 'a', other: 1 })).toHaveProperty('application/json')
})

it.each([
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]],
  ['image/jpeg', [0xff, 0xd8, 0xff, 0xe0]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38, 0x39, 0x61]],
  ['image/webp', [0x52, 0x49, 0x46, 0x46, 1, 2, 3, 4, 0x57, 0x45, 0x42, 0x50]],
])('finds %s in the bytes', (mime, values) => {
  const bytes = Uint8Array.from(values)
  expect(render.value(bytes)).toEqual({ [mime]: bytes })
  expect(render.value(Buffer.from(bytes))).toHaveProperty([mime])
  expect(render.image(bytes)).toEqual({ [mime]: bytes })
})

it('takes the MIME type that it is told, and asks for one that it does not see', () => {
  const bytes = new Uint8Array(4)
  expect(render.image(bytes, 'image/bmp')).toEqual({ 'image/bmp': bytes })
  expect(render.value(bytes)).toEqual({ 'text/plain': 'Uint8Array(4) [ 0, 0, 0, 0 ]' })
  for (const call of [() => render.image(bytes), () => render.image(bytes, 'bmp'), () => render.image('x' as never)]) {
    expect(call).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  }
})

it('shows text as text, and SVG as SVG', () => {
  expect(render.value('hi')).toEqual({ 'text/plain': 'hi' })
  expect(render.value('<svg/>')).toEqual({ 'image/svg+xml': '<svg/>' })
  expect(render.svg('<svg/>')).toEqual({ 'image/svg+xml': '<svg/>' })
  expect(render.html('<b>')).toEqual({ 'text/html': '<b>' })
})

it('adds JSON where JSON changes nothing', () => {
  expect(render.value({ a: [1, null, 'x'] })).toEqual({
    'text/plain': "{ a: [ 1, null, 'x' ] }",
    'application/json': { a: [1, null, 'x'] },
  })
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const getter = {
    get a() {
      return expect.unreachable()
    },
  }
  for (const value of [
    cycle,
    getter,
    new Map(),
    new Date(0),
    { a: undefined },
    { a: -0 },
    { a: Number.NaN },
    1n,
    Object.assign([1], { length: 3 }),
    () => 1,
  ]) {
    expect(Object.keys(render.value(value))).toEqual(['text/plain'])
  }
  expect(render.json(new Date(0))).toMatchObject({ 'application/json': new Date(0) })
})

it('makes a table of an array of plain objects, escaped', () => {
  const rows = [
    { name: '<b>&"\'', n: 1 },
    { n: 2n, more: [1] },
  ]
  const table = render.value(rows) as Record<string, string>
  expect(Object.keys(table)).toEqual(['text/plain', 'text/html'])
  expect(table['text/html']).toBe(
    '<table><thead><tr><th>name</th><th>n</th><th>more</th></tr></thead><tbody>' +
      '<tr><td>&lt;b&gt;&amp;&quot;&#39;</td><td>1</td><td></td></tr>' +
      '<tr><td></td><td>2n</td><td>[ 1 ]</td></tr></tbody></table>',
  )
  expect(table['text/plain']).toMatch(/^┌─[^]*│ \(index\) │[^]*┘$/)
  expect(render.table([{ a: 1 }])).toHaveProperty(['application/json'], [{ a: 1 }])
  expect(() => render.table([1] as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  expect(render.value([])).toEqual({ 'text/plain': '[]', 'application/json': [] })
})

it('shows the first thousand rows and counts the rest; the JSON has all', () => {
  const table = render.table(Array.from({ length: 1002 }, (_, n) => ({ n })))
  expect(table['text/plain']).toMatch(/… 2 more rows$/)
  expect(table['text/html']).toMatch(/<p>… 2 more rows<\/p>$/)
  expect(table['application/json']).toHaveLength(1002)
})
