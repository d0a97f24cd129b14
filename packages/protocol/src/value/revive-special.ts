import { Buffer } from 'node:buffer'
import { malformed } from './byte-reader.ts'
import { setProperty } from './set-property.ts'
import type { ValueDecoder } from './value-decoder.ts'

// taken at load: in a worker, cells share `globalThis` with it
const { isInteger } = Number
const { defineProperty } = Object
const toBigInt = BigInt
const NativeDate = Date
const NativeError = Error
const NativeRegExp = RegExp

const errorConstructors: ReadonlyMap<string, new (message: string) => Error> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((base) => [base.name, base]),
)

type ViewConstructor = (new (buffer: ArrayBuffer) => object) & { BYTES_PER_ELEMENT?: number }
const viewConstructors: ReadonlyMap<string, ViewConstructor> = new Map<string, ViewConstructor>([
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(named),
  ...[Float16Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView].map(named),
])

function named(constructor: ViewConstructor): [string, ViewConstructor] {
  return [constructor.name, constructor]
}

/** Reads the rest of `{ $: tag, v: ... }`, of which the key `$` was read. */
export function reviveSpecial(decoder: ValueDecoder, entries: number): unknown {
  const tag = decoder.reader.text(decoder.reader.byte())
  if (tag === 'undefined') {
    if (entries !== 1) throw malformed('a special value has too many entries')
    return undefined
  }
  if (entries !== 2 || decoder.reader.text(decoder.reader.byte()) !== 'v')
    throw malformed('a special value has no content')
  switch (tag) {
    case 'ref':
      return decoder.referenced(decoder.number())
    case 'object':
      return reviveObject(decoder)
    case 'sparse':
      return reviveSparse(decoder)
    case 'map':
      return reviveMap(decoder)
    case 'set':
      return reviveSet(decoder)
    case 'date':
      return decoder.begin(new NativeDate(decoder.number()))
    case 'regexp':
      return reviveRegExp(decoder)
    case 'error':
      return reviveError(decoder)
    case 'bigint':
      return reviveBigInt(decoder)
    case 'utf16':
      return Buffer.from(reviveBytes(decoder)).toString('utf16le')
    default:
      return reviveView(decoder, tag)
  }
}

function reviveObject(decoder: ValueDecoder): object {
  const target = decoder.begin({})
  const count = decoder.mapHeader()
  decoder.nested(() => decoder.properties(target, count))
  return target
}

function reviveSparse(decoder: ValueDecoder): unknown[] {
  const items = decoder.begin<unknown[]>([])
  if (decoder.reader.byte() !== 0x92) throw malformed('a sparse array is incomplete')
  const length = decoder.number()
  if (!isInteger(length) || length < 0 || length > 2 ** 32 - 1) throw malformed('an array length is out of range')
  // Setting the length of an ordinary array may allocate for all of it; one that had a far element stays a dictionary.
  items[2 ** 32 - 2] = undefined
  items.length = 0
  items.length = length
  const count = decoder.arrayHeader()
  decoder.nested(() => {
    for (let read = 0; read < count; read += 2) {
      const index = decoder.read()
      const item = read + 1 < count ? decoder.read() : undefined
      if (typeof index === 'number' && isInteger(index) && index >= 0 && index < length) items[index] = item
      else if (index === '…') items[items.length] = item
      else throw malformed('an array index is out of range')
    }
  })
  return items
}

function reviveMap(decoder: ValueDecoder): Map<unknown, unknown> {
  const map = decoder.begin(new Map<unknown, unknown>())
  const count = decoder.arrayHeader()
  if (count % 2 === 1) throw malformed('a key has no value')
  decoder.nested(() => {
    for (let read = 0; read < count; read += 2) {
      const key = decoder.read()
      map.set(key, decoder.read())
    }
  })
  return map
}

function reviveSet(decoder: ValueDecoder): Set<unknown> {
  const set = decoder.begin(new Set<unknown>())
  const count = decoder.arrayHeader()
  decoder.nested(() => {
    for (let read = 0; read < count; read++) set.add(decoder.read())
  })
  return set
}

function reviveRegExp(decoder: ValueDecoder): RegExp {
  if (decoder.reader.byte() !== 0x92) throw malformed('a regular expression is incomplete')
  const source = decoder.text()
  try {
    return decoder.begin(new NativeRegExp(source, decoder.text()))
  } catch {
    throw malformed('a regular expression is invalid')
  }
}

function reviveError(decoder: ValueDecoder): Error {
  if (decoder.reader.byte() !== 0x95) throw malformed('an error is incomplete')
  const base = decoder.text()
  const [message, name, stack] = [decoder.text(), decoder.text(), decoder.text()]
  const error = decoder.begin(createError(base, message))
  if (name !== error.name) hidden(error, 'name', name)
  hidden(error, 'stack', stack)
  const count = decoder.mapHeader()
  decoder.nested(() => {
    for (let read = 0; read < count; read++) {
      const key = decoder.text()
      const value = decoder.read()
      if (key === 'cause' || key === 'errors') hidden(error, key, value)
      else setProperty(error, key, value)
    }
  })
  return error
}

function createError(base: string, message: string): Error {
  // the stack is replaced anyway, and capturing one is what makes an error expensive
  const { stackTraceLimit } = NativeError
  NativeError.stackTraceLimit = 0
  try {
    if (base === 'AggregateError') return new AggregateError([], message)
    const constructor = errorConstructors.get(base)
    if (constructor === undefined) throw malformed('an error has an unknown base')
    return new constructor(message)
  } finally {
    NativeError.stackTraceLimit = stackTraceLimit
  }
}

function hidden(target: object, key: string, value: unknown): void {
  defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true })
}

function reviveBigInt(decoder: ValueDecoder): bigint {
  const text = decoder.text()
  if (!/^-?[0-9a-f]+$/.test(text)) throw malformed('an integer is not hexadecimal')
  return text.startsWith('-') ? -toBigInt(`0x${text.slice(1)}`) : toBigInt(`0x${text}`)
}

function reviveBytes(decoder: ValueDecoder): Uint8Array {
  const { reader } = decoder
  switch (reader.byte()) {
    case 0xc4:
      return reader.binary(reader.uint(1))
    case 0xc5:
      return reader.binary(reader.uint(2))
    case 0xc6:
      return reader.binary(reader.uint(4))
    default:
      throw malformed('bytes are missing')
  }
}

function reviveView(decoder: ValueDecoder, name: string | undefined): object {
  const constructor = viewConstructors.get(name ?? '')
  if (constructor === undefined && name !== 'ArrayBuffer') throw malformed('a special value is unknown')
  const bytes = reviveBytes(decoder)
  // a view of its own, aligned and of exact size
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
  const buffer = (isWhole ? bytes : bytes.slice()).buffer as ArrayBuffer
  if (constructor === undefined) return decoder.begin(buffer)
  if (buffer.byteLength % (constructor.BYTES_PER_ELEMENT ?? 1) !== 0) throw malformed('an element is incomplete')
  return decoder.begin(new constructor(buffer))
}
