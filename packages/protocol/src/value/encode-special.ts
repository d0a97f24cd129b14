import {
  dataViewBuffer,
  dataViewBytes,
  dataViewOffset,
  dateTime,
  errorBases,
  errorPrototype,
  getPrototypeOf,
  hasOwn,
  isDataView,
  isTypedArray,
  makeBytes,
  mapEntries,
  mapSize,
  nextEntry,
  nextValue,
  regExpFlags,
  regExpSource,
  setSize,
  setValues,
  typedArrayBuffer,
  typedArrayBytes,
  typedArrayName,
  typedArrayOffset,
} from './primordials.ts'
import type { ValueEncoder } from './value-encoder.ts'

/** `{ $: 'date', v: <milliseconds, NaN when invalid> }` */
export function writeDate(encoder: ValueEncoder, value: object): boolean {
  if (encoder.room < 40 || !encoder.tag('date')) return false
  return encoder.number(dateTime(value as Date))
}

/** `{ $: 'regexp', v: [source, flags] }` */
export function writeRegExp(encoder: ValueEncoder, value: object): boolean {
  const source = regExpSource(value as RegExp)
  let flags = ''
  try {
    flags = regExpFlags(value as RegExp)
  } catch {
    // a getter that the cell put on RegExp.prototype
    encoder.truncated = true
  }
  if (source.length * 3 + 64 > encoder.room) return false
  encoder.tag('regexp')
  encoder.writer.byte(0x92)
  return encoder.text(source) && encoder.text(flags)
}

/** A Uint8Array as MessagePack's binary, other views and buffers as `{ $: <constructor>, v: <binary> }`. */
export function writeBytes(encoder: ValueEncoder, value: object): boolean {
  const [name, bytes] = bytesOf(value)
  if (name === 'Uint8Array') return encoder.binary(bytes)
  if (encoder.room < 128) return false
  encoder.tag(name)
  return encoder.binary(bytes)
}

function bytesOf(value: object): [name: string, bytes: Uint8Array] {
  if (isTypedArray(value)) {
    return [
      typedArrayName(value),
      new makeBytes(typedArrayBuffer(value), typedArrayOffset(value), typedArrayBytes(value)),
    ]
  }
  if (isDataView(value))
    return ['DataView', new makeBytes(dataViewBuffer(value), dataViewOffset(value), dataViewBytes(value))]
  return ['ArrayBuffer', new makeBytes(value as ArrayBuffer)]
}

/** `{ $: 'map', v: [key, value, ...] }` */
export function writeMap(encoder: ValueEncoder, value: Map<unknown, unknown>): void {
  const entries = mapEntries(value)
  encoder.tag('map')
  encoder.array(mapSize(value), 2, () => {
    const entry = nextEntry(entries)
    // a getter met on the way removed entries
    const key = entry.done === true ? undefined : entry.value[0]
    if (!encoder.write(key)) return false
    // the key cannot be taken back: later references count it
    if (!encoder.write(entry.done === true ? undefined : entry.value[1])) encoder.forced('…')
    return true
  })
}

/** `{ $: 'set', v: [item, ...] }` */
export function writeSet(encoder: ValueEncoder, value: Set<unknown>): void {
  const values = setValues(value)
  encoder.tag('set')
  encoder.array(setSize(value), 1, () => encoder.write(nextValue(values).value))
}

/** `{ $: 'error', v: [base, message, name, stack, { cause, errors, code, ...own enumerable data }] }` */
export function writeError(encoder: ValueEncoder, value: object, keys: readonly string[]): void {
  encoder.tag('error')
  encoder.writer.byte(0x95)
  encoder.writer.text(errorBase(value), encoder.room)
  for (const name of ['message', 'name', 'stack'] as const) writeErrorText(encoder, value, name)
  const data: string[] = []
  let count = 0
  for (const name of ['cause', 'errors', 'code'] as const) if (has(value, name)) data[count++] = name
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string
    if (!isErrorKey(key)) data[count++] = key
  }
  encoder.record(value, data)
}

const isErrorKey = (key: string): boolean =>
  key === 'message' || key === 'name' || key === 'stack' || key === 'cause' || key === 'errors' || key === 'code'

function writeErrorText(encoder: ValueEncoder, value: object, name: string): void {
  let text: unknown
  try {
    text = (value as Record<string, unknown>)[name]
  } catch {
    encoder.truncated = true
  }
  if (typeof text !== 'string' || !encoder.text(text)) encoder.writer.byte(0xa0)
}

function has(value: object, key: string): boolean {
  try {
    return hasOwn(value, key)
  } catch {
    return false
  }
}

function errorBase(value: object): string {
  try {
    for (let link: object | null = value; link !== null && link !== errorPrototype; link = getPrototypeOf(link)) {
      const base = errorBases.get(link)
      if (base !== undefined) return base
    }
  } catch {
    // a proxy in the chain
  }
  return 'Error'
}
