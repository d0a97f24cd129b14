/** The first byte of a value: a primitive follows it, or the number of a record. */
export const valueTag = {
  undefined: 0,
  null: 1,
  true: 2,
  false: 3,
  /** Zigzag varint. */
  integer: 4,
  double: 5,
  /** Hexadecimal text, with a minus sign. */
  bigint: 6,
  shortText: 7,
  text: 8,
  /** UTF-16, for what is not well-formed. */
  utf16: 9,
  /** Varint: the number of the record. */
  record: 10,
  /** No element here. */
  hole: 11,
} as const

/** The first byte of a record: one object, function or symbol. Its length follows, so that records can be skipped. */
export const recordKind = {
  object: 1,
  array: 2,
  map: 3,
  set: 4,
  date: 5,
  regexp: 6,
  error: 7,
  arrayBuffer: 8,
  view: 9,
  /** A view with bytes of its own: Node pools the memory of small buffers. */
  ownBytes: 10,
  boxed: 11,
  symbol: 12,
  /** Something of the language or of Node, by its path. */
  wellKnown: 13,
  /** An export of an imported module. */
  module: 14,
  function: 15,
  /** `prototype` of a function. */
  prototype: 16,
  /** A method of a class. */
  member: 17,
  url: 18,
} as const

/** Of an object: what follows in its record. */
export const objectFlag = {
  prototype: 1,
  /** Two bits: 0 extensible, 1 not extensible, 2 sealed, 3 frozen. */
  integrity: 2,
  /** Properties one by one, with their attributes. */
  described: 8,
  /** Of an array: no list of elements; all properties but `length` are described. */
  sparse: 16,
  /** Of a `prototype`: behind everything all its keys; others are not there. */
  exact: 32,
} as const

/** Of a described property. */
export const propertyFlag = { writable: 1, enumerable: 2, configurable: 4, accessor: 8 } as const

/** Of a function's record: what follows in it. */
export const functionFlag = { name: 1, parent: 2, prototype: 4, properties: 8, integrity: 16, exact: 64 } as const

export const errorBases = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
] as const

export const viewNames = [
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const

/** The payload's own version; a reader takes its own only. */
export const snapshotVersion = 1
export const snapshotMagic = 0x43534e50
