import { expect, test } from 'vitest'
import { ByteSink } from './byte-sink.ts'
import { MalformedSnapshot } from './byte-source.ts'
import { readSnapshot } from './read-snapshot.ts'
import { recordKind, snapshotMagic, snapshotVersion, valueTag } from './value-tags.ts'

const emptyIndex = {
  cells: 0,
  bindings: [],
  inputs: [],
  outputs: [],
  last: [],
  keys: [],
  shapes: [],
  sources: [],
  modules: [],
}

interface Parts {
  readonly magic?: number
  readonly version?: number
  readonly index?: unknown
  readonly count?: number
  readonly records?: readonly (readonly [kind: number, ...content: number[]])[]
}

function payloadOf({
  magic = snapshotMagic,
  version = snapshotVersion,
  index = emptyIndex,
  records = [],
  count = records.length,
}: Parts): Uint8Array {
  const sink = new ByteSink()
  const json = Buffer.from(JSON.stringify(index))
  const content = new ByteSink()
  for (const [kind, ...bytes] of records) {
    content.byte(kind)
    content.uint32(bytes.length)
    for (const byte of bytes) content.byte(byte)
  }
  for (const number of [magic, version, json.length]) sink.uint32(number)
  sink.append(json)
  sink.uint32(count)
  sink.uint32(content.position)
  sink.append(content.finish())
  return sink.finish()
}

test('an empty snapshot is read', () => {
  const { kinds, index } = readSnapshot(payloadOf({}))
  expect([kinds.length, index.bindings]).toEqual([0, []])
})

test('records are found by where they start and end', () => {
  const { kinds, starts, ends } = readSnapshot(
    payloadOf({
      records: [
        [recordKind.symbol, 0, valueTag.undefined],
        [recordKind.url, 7, 0],
      ],
    }),
  )
  expect([...kinds]).toEqual([recordKind.symbol, recordKind.url])
  expect([...ends].map((end, id) => end - (starts[id] as number))).toEqual([2, 2])
})

const source = { text: '1', form: 'expression', isStrict: false, runsCode: false }
test.each<[string, Parts]>([
  ['another magic', { magic: 1 }],
  ['another version', { version: snapshotVersion + 1 }],
  ['more records than bytes', { count: 2 ** 31 }],
  ['a record of no kind', { records: [[99]] }],
  ['fewer records than bytes', { records: [[recordKind.url, 7, 0]], count: 0 }],
  ['an index that is a list', { index: [] }],
  ['an index that is null', { index: null }],
  ['a cell number that cannot be counted up', { index: { ...emptyIndex, cells: 2 ** 53 - 1 } }],
  ['a binding of no kind', { index: { ...emptyIndex, bindings: [['a', 'macro', 0, 0]] } }],
  ['a binding without a place', { index: { ...emptyIndex, bindings: [['a', 'var', 0]] } }],
  ['a key that is no record', { index: { ...emptyIndex, keys: [0] } }],
  ['a shape of keys that are not there', { index: { ...emptyIndex, shapes: [[0]] } }],
  ['a source of no form', { index: { ...emptyIndex, sources: [{ ...source, form: 'macro' }] } }],
  [
    'a module without a way',
    { index: { ...emptyIndex, modules: [{ specifier: 'a', how: 'guess', attributes: '', keys: [] }] } },
  ],
  ['a last value that there is none of', { index: { ...emptyIndex, last: [3] } }],
  // found before code of the snapshot could run
  [
    'a broken record beside code',
    {
      index: { ...emptyIndex, sources: [{ ...source, form: 'class', runsCode: true }] },
      records: [[recordKind.map, 0, 9]],
    },
  ],
])('%s is malformed', (_, parts) => {
  expect(() => readSnapshot(payloadOf(parts))).toThrow(MalformedSnapshot)
})

test('no part of a payload is a payload', () => {
  const whole = payloadOf({ records: [[recordKind.url, 7, 0]] })
  for (let length = 0; length < whole.length; length++) {
    expect(() => readSnapshot(whole.slice(0, length))).toThrow(MalformedSnapshot)
  }
})
