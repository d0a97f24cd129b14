import type { DisplayMessage } from '@capsule/protocol'
import { expect, it } from 'vitest'
import { createDisplays, type DisplayRenderers } from './displays.ts'

const renderers: DisplayRenderers = {
  value: (value) => (value instanceof Promise ? value : { 'text/plain': String(value) }),
  html: (text) => ({ 'text/html': text }),
  svg: (text) => ({ 'image/svg+xml': text }),
  json: (value) => ({ 'application/json': value }),
  image: (bytes, mime = 'image/png') => ({ [mime]: bytes }),
  table: (rows) => ({ 'application/json': rows }),
}

function open({ hasFeature = true }: { hasFeature?: boolean } = {}) {
  const shown: DisplayMessage[] = []
  const printed: string[] = []
  const displays = createDisplays({
    renderers,
    show: hasFeature ? (message) => shown.push(message) : undefined,
    print: (text) => printed.push(text),
    currentExecutionId: () => 'e',
    isRunning: () => true,
    partBytes: 2000,
  })
  return { ...displays, shown, printed }
}

it('prints text in the place of a display where the host takes none', () => {
  const { display, shown, printed } = open({ hasFeature: false })
  const handle = display('one')
  void handle.update('two')
  handle.clear()
  display.html('<b>')
  display.image(new Uint8Array(3))
  expect(printed).toEqual(['one\n', 'two\n', '[text/html]\n', '[image/png]\n'])
  expect(shown).toEqual([])
})

it('sends an update behind the show that it updates, also when that takes time', async () => {
  const { display, shown } = open()
  const gate = Promise.withResolvers<Record<string, string>>()
  const handle = display(gate.promise)
  const updated = handle.update('two')
  handle.clear()
  expect(shown).toEqual([])
  gate.resolve({ 'text/plain': 'one' })
  await updated
  await handle.update('three')
  expect(shown.map(({ action, data }) => [action, data['text/plain']])).toEqual([
    ['show', 'one'],
    ['update', 'two'],
    ['clear', undefined],
    ['update', 'three'],
  ])
  expect(new Set(shown.map(({ displayId }) => displayId)).size).toBe(1)
})

it('sends small contents in one message, large ones in parts no larger than asked for', () => {
  const { display, shown } = open()
  display.json({ a: 1 }, { id: 'd', metadata: { b: 2 } })
  expect(shown.splice(0)).toEqual([
    {
      type: 'display',
      executionId: 'e',
      displayId: 'd',
      action: 'show',
      data: { 'application/json': { json: '{"a":1}' } },
      metadata: '{"b":2}',
    },
  ])
  display('é'.repeat(2500))
  expect(shown.map(({ part, data }) => [part?.index, part?.count, data['text/plain']])).toEqual([
    [0, 3, 'é'.repeat(1000)],
    [1, 3, 'é'.repeat(1000)],
    [2, 3, 'é'.repeat(500)],
  ])
})

it('leaves out what has no MIME type, no JSON, or no room, and says so', () => {
  const { display, shown } = open()
  display.json(1n, { metadata: { toJSON: () => 5n } })
  expect(shown.splice(0)).toMatchObject([{ data: {}, truncated: true, dropped: ['application/json'] }])
  display.image(new Uint8Array(1), 'no type')
  expect(shown.splice(0)).toMatchObject([{ data: {}, truncated: true, dropped: ['no type'] }])
  for (const id of ['', 'x'.repeat(129), '\ud800', 5 as never]) {
    expect(() => display(1, { id })).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  }
})
