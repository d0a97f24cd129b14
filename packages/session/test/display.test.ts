import { Buffer } from 'node:buffer'
import { creditedBytes, type DisplayMessage, displayLimits, type WorkerMessage } from '@capsule/protocol'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ExecutionEvent } from '@capsule/session'
import { eventsOf, type OpenSession, openSession, started } from './open-session.ts'

const display = (executionId: string, more: Partial<DisplayMessage> = {}): DisplayMessage => ({
  type: 'display',
  executionId,
  displayId: 'd',
  action: 'show',
  data: { 'text/plain': 'x' },
  ...more,
})

/** Runs one cell that says this; its events, and how many messages were refused. */
async function eventsFor(
  messages: (executionId: string) => readonly object[],
  open?: OpenSession,
): Promise<{ events: ExecutionEvent[]; invalid: number }> {
  const bench = open ?? (await openSession())
  const { execution, id } = await started(bench)
  for (const message of messages(id)) bench.worker.process.sendRaw(message)
  bench.worker.process.result(id)
  const events = await waitFor(eventsOf(execution))
  return { events, invalid: bench.session.info().counters.invalidMessages }
}

const credits = ({ worker }: OpenSession): number =>
  worker.process.received.reduce((sum, message) => sum + (message.type === 'stream-credit' ? message.bytes : 0), 0)

it('delivers displays and progress in order', async () => {
  const { events } = await eventsFor((id) => [
    display(id, { data: { 'application/json': { json: '{"a":[1]}' }, 'image/png': new Uint8Array([1]) } }),
    { type: 'progress', executionId: id, done: 1, total: 2, text: 'half' },
    display(id, { action: 'update', metadata: '{"width":2}', truncated: true, dropped: ['text/html'] }),
    { type: 'progress', executionId: id, done: 2 },
    display(id, { action: 'clear', data: {} }),
  ])
  const base = { type: 'display', executionId: events[0]?.executionId, displayId: 'd' }
  expect(events).toEqual([
    { ...base, action: 'show', data: { 'application/json': { a: [1] }, 'image/png': new Uint8Array([1]) } },
    { type: 'progress', executionId: base.executionId, done: 1, total: 2, text: 'half' },
    {
      ...base,
      action: 'update',
      data: { 'text/plain': 'x' },
      metadata: { width: 2 },
      truncated: true,
      dropped: ['text/html'],
    },
    { type: 'progress', executionId: base.executionId, done: 2 },
    { ...base, action: 'clear', data: {} },
  ])
})

it('puts a display together from its parts', async () => {
  const part = (index: number): Pick<DisplayMessage, 'part'> => ({ part: { index, count: 3 } })
  const { events, invalid } = await eventsFor((id) => [
    display(id, { data: { 'text/plain': 'a', 'image/png': new Uint8Array([1]) }, ...part(0) }),
    display(id, { data: { 'image/png': new Uint8Array([2]), 'a/json': { json: '{"b"' } }, ...part(1) }),
    display(id, { data: { 'a/json': { json: ':1}' } }, metadata: '{}', ...part(2) }),
  ])
  const data = { 'text/plain': 'a', 'image/png': new Uint8Array([1, 2]), 'a/json': { b: 1 } }
  expect(events).toMatchObject([{ type: 'display', data, metadata: {} }])
  expect(invalid).toBe(0)
})

it('forgets a display that a later one cuts short, and one that the cell does not finish', async () => {
  const { events, invalid } = await eventsFor((id) => [
    display(id, { data: { 'text/plain': 'lost' }, part: { index: 0, count: 2 } }),
    display(id, { data: { 'text/plain': 'whole' } }),
    display(id, { data: { 'text/plain': 'lost too' }, part: { index: 0, count: 2 } }),
  ])
  expect(events).toMatchObject([{ data: { 'text/plain': 'whole' } }])
  expect(invalid).toBe(0)
})

it.each<[string, (id: string) => object[]]>([
  ['a part without the one before', (id) => [display(id, { part: { index: 1, count: 2 } })]],
  ['a part beyond its count', (id) => [display(id, { part: { index: 0, count: 0 } })]],
  [
    'parts of different displays',
    (id) => [
      display(id, { part: { index: 0, count: 2 } }),
      display(id, { displayId: 'e', part: { index: 1, count: 2 } }),
    ],
  ],
  ['JSON that is none', (id) => [display(id, { data: { 'a/json': { json: '{' } } })]],
  [
    'JSON that nests too deep',
    (id) => [display(id, { data: { 'a/json': { json: '['.repeat(200) + ']'.repeat(200) } } })],
  ],
  ['metadata that is no object', (id) => [display(id, { metadata: '5' })]],
  [
    'contents of two kinds',
    (id) => [
      display(id, { data: { 'a/b': 'x' }, part: { index: 0, count: 2 } }),
      display(id, { data: { 'a/b': { json: '1' } }, part: { index: 1, count: 2 } }),
    ],
  ],
  ['a display of nobody', () => [display('nobody')]],
  ['progress of nobody', () => [{ type: 'progress', executionId: 'nobody', done: 1 }]],
])('refuses %s', async (_name, messages) => {
  const { events, invalid } = await eventsFor(messages)
  expect(events).toEqual([])
  expect(invalid).toBe(1)
})

it('lets no JSON reach a prototype', async () => {
  const json = '{"__proto__":{"polluted":1},"\\u005f_proto__":2,"a":1}'
  const { events } = await eventsFor((id) => [display(id, { data: { 'a/json': { json } } })])
  expect(events).toMatchObject([{ data: { 'a/json': { a: 1 } } }])
  const [event] = events
  expect(event?.type === 'display' && Object.keys(event.data['a/json'] as object)).toEqual(['a'])
})

it('keeps no more of an endless display than a display may have', async () => {
  const open = await openSession()
  const bytes = new Uint8Array(1024 * 1024)
  const count = (2 * displayLimits.bytes) / bytes.length + 4
  const { events, invalid } = await eventsFor(
    (id) =>
      Array.from({ length: count }, (_, index) => display(id, { data: { 'a/b': bytes }, part: { index, count } })),
    open,
  )
  expect(events).toEqual([])
  expect(invalid).toBeGreaterThan(0)
})

it('pays for parts beyond half a window at once, and for the rest when the display is read', async () => {
  const open = await openSession({ outputWindowBytes: 1000 })
  const { execution, id } = await started(open)
  const parts = Array.from({ length: 10 }, (_, index) =>
    display(id, { data: { 'a/b': 'x'.repeat(300) }, part: { index, count: 10 } }),
  )
  const total = parts.reduce((sum, part) => sum + creditedBytes(part), 0)
  for (const part of parts) open.worker.process.send(part)
  const events = execution[Symbol.asyncIterator]()
  const asked = open.session.inspect({ what: 'namespace' })
  const { requestId } = await waitFor(open.worker.process.next('inspect'))
  open.worker.process.send({ type: 'inspect-result', requestId, answer: { what: 'namespace', bindings: [] } })
  await waitFor(asked)
  expect(credits(open)).toBeLessThanOrEqual(total - 500)
  expect(credits(open)).toBeGreaterThan(total - 1000 - 500)
  await events.next()
  open.worker.process.result(id)
  await execution.outcome
  await waitFor(events.next())
  expect(credits(open)).toBeGreaterThan(total - 500)
})

it('tells late displays as late, and passes over late progress', async () => {
  const open = await openSession()
  const { id } = await started(open)
  open.worker.process.result(id)
  const told = waitFor(new Promise<ExecutionEvent>((resolve) => open.session.events.once('late', resolve)))
  open.worker.process.send(display(id, { late: true, data: { 'a/b': 'x' }, part: { index: 0, count: 2 } }))
  open.worker.process.send(display(id, { late: true, data: { 'a/b': 'y' }, part: { index: 1, count: 2 } }))
  expect(await told).toMatchObject({ type: 'display', executionId: id, late: true, data: { 'a/b': 'xy' } })
})

it('collects them in run(), within the same bound as output', async () => {
  const open = await openSession(
    {},
    {
      script(message, process) {
        if (message.type !== 'execute') return
        const { executionId } = message
        process.ack(executionId)
        process.send(display(executionId, { data: { 'a/b': 'x'.repeat(500) } }))
        process.send({ type: 'progress', executionId, done: 1 })
        process.result(executionId)
      },
    },
  )
  const all = await waitFor(open.session.run('cell'))
  expect(all.events.map(({ type }) => type)).toEqual(['display', 'progress'])
  expect(all.outcome).not.toHaveProperty('truncated')
  const some = await waitFor(open.session.run('cell', { maxOutputLength: 200 }))
  expect(some.events.map(({ type }) => type)).toEqual(['progress'])
  expect(some.outcome.truncated).toBe(true)
})

it('delivers any interleaving of output, displays in parts and progress in order, each once', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('output' as const), text: fc.string({ minLength: 1, maxLength: 9 }) }),
    fc.record({ kind: fc.constant('progress' as const), done: fc.nat() }),
    fc.record({
      kind: fc.constant('display' as const),
      pieces: fc.array(fc.string({ maxLength: 9 }), { minLength: 1, maxLength: 4 }),
      isCutShort: fc.boolean(),
    }),
  )
  const open = await openSession({ outputWindowBytes: 300 })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { events, invalid } = await eventsFor(
        (id) =>
          steps.flatMap((one): WorkerMessage[] => {
            if (one.kind === 'output') return [{ type: 'output', executionId: id, stream: 'stdout', text: one.text }]
            if (one.kind === 'progress') return [{ type: 'progress', executionId: id, done: one.done }]
            const count = one.pieces.length
            const parts = one.pieces.map((piece, index) =>
              display(id, { data: { 'a/b': piece }, part: { index, count } }),
            )
            return one.isCutShort && count > 1 ? parts.slice(0, -1) : parts
          }),
        open,
      )
      const expected = steps.flatMap((one): unknown[] => {
        if (one.kind === 'output') return [Buffer.from(one.text.toWellFormed()).toString()]
        if (one.kind === 'progress') return [one.done]
        return one.isCutShort && one.pieces.length > 1 ? [] : [{ 'a/b': one.pieces.join('') }]
      })
      const seen = events.map((event) =>
        event.type === 'output' ? event.text : event.type === 'progress' ? event.done : 'data' in event && event.data,
      )
      expect(seen).toEqual(expected)
      expect(invalid).toBe(0)
    }),
    { numRuns: 100 },
  )
})
