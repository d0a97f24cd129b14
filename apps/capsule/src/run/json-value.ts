/** A value that `JSON.stringify` writes in full. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/**
 * Turns any decoded value into JSON without losing what it is: what JSON has no form for becomes `{ "$type": ... }`. A
 * second occurrence of an object is a reference to the path of the first. `docs/cli.md` lists the forms.
 */
export function toJsonValue(value: unknown, path = '$', seen = new Map<object, string>()): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged('number', { value: numberName(value) })
    case 'bigint':
      return tagged('bigint', { value: String(value) })
    case 'undefined':
      return tagged('undefined', {})
    case 'symbol':
    case 'function':
      return tagged(typeof value, { text: String(value) })
    case 'object':
      return value === null ? null : objectToJson(value, path, seen)
  }
}

function objectToJson(value: object, path: string, seen: Map<object, string>): JsonValue {
  const first = seen.get(value)
  if (first !== undefined) return tagged('reference', { path: first })
  seen.set(value, path)
  const each = (items: Iterable<unknown>): JsonValue[] =>
    Array.from(items, (item, index) => toJsonValue(item, `${path}[${index}]`, seen))
  if (Array.isArray(value)) return each(value)
  if (value instanceof Map) return tagged('Map', { entries: each(value) })
  if (value instanceof Set) return tagged('Set', { values: each(value) })
  if (value instanceof Date)
    return tagged('Date', { value: Number.isNaN(value.getTime()) ? null : value.toISOString() })
  if (value instanceof RegExp) return tagged('RegExp', { source: value.source, flags: value.flags })
  if (value instanceof Error) return tagged('Error', record(errorFields(value)))
  if (ArrayBuffer.isView(value))
    return tagged(value.constructor.name, { base64: base64(value.buffer, value.byteOffset, value.byteLength) })
  if (value instanceof ArrayBuffer) return tagged('ArrayBuffer', { base64: base64(value, 0, value.byteLength) })
  // an object that has a `$type` of its own must not pass for one of these forms
  if (Object.hasOwn(value, '$type')) return tagged('object', { value: record(value) })
  return record(value)

  function record(fields: object): { [key: string]: JsonValue } {
    return Object.fromEntries(
      Object.entries(fields).map(([key, item]) => [key, toJsonValue(item, `${path}.${key}`, seen)]),
    )
  }
}

function errorFields(error: Error): object {
  const { name, message, stack, cause } = error
  // the own properties of an error are its details (`code`)
  return Object.assign({}, error, { name, message }, stack !== undefined && { stack }, cause !== undefined && { cause })
}

function base64(buffer: ArrayBufferLike, offset: number, length: number): string {
  return Buffer.from(buffer, offset, length).toString('base64')
}

function numberName(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function tagged(type: string, fields: { [key: string]: JsonValue }): JsonValue {
  return { $type: type, ...fields }
}
