import { describe, expect, it } from 'vitest'
import { hostSamples, workerSamples } from '../test/samples.ts'
import { parseHostMessage, parseWorkerMessage, readHostMessage } from './index.ts'

type Parse = (raw: unknown) => unknown

function outcome(parse: Parse, raw: unknown): unknown {
  try {
    return parse(raw)
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Every way to spoil one field of a message: removed, or replaced by something of another type or range. */
function* spoiled(message: object): Generator<object> {
  for (const [key, value] of Object.entries(message)) {
    if (key === 'type') continue
    const { [key]: _removed, ...rest } = message as Record<string, unknown>
    yield rest
    for (const wrong of [
      null,
      true,
      -1,
      1.5,
      2 ** 60,
      'not valid!',
      '',
      [],
      [5],
      {},
      Number.NaN,
      Infinity,
      undefined,
    ]) {
      yield { ...message, [key]: wrong }
    }
    if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
      for (const inner of spoiled(value))
        yield { ...message, [key]: Array.isArray(value) ? Object.values(inner) : inner }
    }
  }
}

describe.each<[string, Parse, readonly object[]]>([
  ['parseHostMessage', parseHostMessage, hostSamples],
  ['readHostMessage', readHostMessage, hostSamples],
  ['parseWorkerMessage', parseWorkerMessage, workerSamples],
])('%s', (_name, parse, samples) => {
  it('accepts every message of this release', () => {
    for (const sample of samples) expect(parse(sample)).toEqual(sample)
  })

  it('drops fields of later releases', () => {
    for (const sample of samples) expect(parse({ ...sample, addedLater: { deep: [1] } })).toEqual(sample)
  })

  it('answers types of later releases with unknown and a bounded name', () => {
    expect(parse({ type: 'teleport', data: 5 })).toEqual({ type: 'unknown', name: 'teleport' })
    expect(parse({ type: 'constructor' })).toEqual({ type: 'unknown', name: 'constructor' })
    expect(parse({ type: 'x'.repeat(5000) })).toEqual({ type: 'unknown', name: 'x'.repeat(200) })
  })

  it.each([undefined, null, 5, 'text', [], {}, { type: 5 }, { type: null }])('refuses %j', (raw) => {
    expect(outcome(parse, raw)).toBe('INVALID_MESSAGE')
  })

  it('lets no field reach a prototype', () => {
    const sample = samples[0] as { type: string }
    const parsed = parse(JSON.parse(JSON.stringify(sample).replace('{', '{"__proto__":{"polluted":true},'))) as object
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect(parsed).toEqual(sample)
  })
})

it('both host-message parsers agree on every sample and on every spoiled one', () => {
  let refused = 0
  for (const sample of hostSamples) {
    for (const raw of spoiled(sample)) {
      const expected = outcome(parseHostMessage, raw)
      if (expected === 'INVALID_MESSAGE') refused++
      expect({ raw, result: outcome(readHostMessage, raw) }).toEqual({ raw, result: expected })
    }
  }
  expect(refused).toBeGreaterThan(300)
})

describe('INVALID_MESSAGE', () => {
  const hello = hostSamples[0] as object
  it.each([parseHostMessage, readHostMessage])('names the path and the problem', (parse) => {
    expect(() => parse({ ...hello, limits: { frameBytes: 'x', depth: 1 } })).toThrow(
      expect.objectContaining({
        code: 'INVALID_MESSAGE',
        details: expect.objectContaining({ path: 'limits.frameBytes' }),
      }),
    )
  })

  it('quotes a bounded part of what the peer sent', () => {
    const raw = { ...hello, settings: { backPressure: 'x'.repeat(100_000) } }
    for (const parse of [parseHostMessage, readHostMessage]) {
      expect(() => parse(raw)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,600}$/) }))
    }
  })

  it('refuses a hostile worker message of the right type', () => {
    expect(outcome(parseWorkerMessage, { type: 'output', executionId: '../x', stream: 'stdout', text: '' })).toBe(
      'INVALID_MESSAGE',
    )
    expect(outcome(parseWorkerMessage, { type: 'error', terminal: 'yes', error: {} })).toBe('INVALID_MESSAGE')
    const display = { type: 'display', executionId: 'e', displayId: 'd', action: 'show' }
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`text/x-${i}`, '']))
    for (const data of [{ plain: '' }, { 'text/plain': 5 }, { 'text/plain': { json: 5 } }, many, []]) {
      expect(outcome(parseWorkerMessage, { ...display, data })).toBe('INVALID_MESSAGE')
    }
    expect(outcome(parseWorkerMessage, { type: 'progress', executionId: 'e', done: Infinity })).toBe('INVALID_MESSAGE')
  })
})
