import { types } from 'node:util'
import { defaultWorkerSettings, encodeValue, type WireError } from '@capsule/protocol'
import { engineLimits } from './engine-limits.ts'
import { withIntrinsics } from './intrinsics.ts'
import { isArray } from './primordials.ts'
import { type FindCellFile, mapFrames } from './stack.ts'
import { cut, textOf } from './value-text.ts'

export interface WireErrorContext {
  /** Which script filenames are cells. @defaultValue none is */
  readonly find?: FindCellFile
  /** Budget of a thrown value that is not an error. @defaultValue 8 MiB */
  readonly valueBytes?: number
  /** @defaultValue 100 */
  readonly valueDepth?: number
}

/**
 * Any thrown value as it crosses the wire: within limits, the stack in cell coordinates. Never throws, whatever getters,
 * proxies and `prepareStackTrace` of the user do.
 */
export function toWireError(error: unknown, context: WireErrorContext = {}): WireError {
  return convert(error, { context, depth: 0, left: { count: engineLimits.errorTotal } })
}

interface Conversion {
  readonly context: WireErrorContext
  readonly depth: number
  /** Shared by the whole tree: nested AggregateErrors would multiply. */
  readonly left: { count: number }
}

function convert(error: unknown, conversion: Conversion): WireError {
  const { context, depth, left } = conversion
  left.count--
  if (!isError(error)) return fromValue(error, context)
  const name = cut(textProperty(error, 'name') ?? 'Error', engineLimits.errorName).text
  const message = cut(textProperty(error, 'message') ?? '', engineLimits.errorMessage).text
  const code = textProperty(error, 'code')
  const wire: WireError = { name, message, ...stackOf(error, `${name}: ${message}`, context) }
  if (code !== undefined) wire.code = cut(code, engineLimits.errorName).text
  if (depth >= engineLimits.errorDepth) return wire
  const inner = { context, depth: depth + 1, left }
  const cause = read(error, 'cause')
  if (cause !== undefined && left.count > 0) wire.cause = convert(cause, inner)
  const errors = read(error, 'errors')
  if (isArray(errors)) wire.errors = siblings(errors, inner)
  return wire
}

function isError(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  // an error of another realm, a DOMException, or what a library made to look like one
  return (
    types.isNativeError(value) ||
    (typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string')
  )
}

function siblings(errors: readonly unknown[], conversion: Conversion): WireError[] {
  const converted: WireError[] = []
  try {
    for (let index = 0; index < errors.length && index < engineLimits.errorSiblings; index++) {
      if (conversion.left.count <= 0) break
      converted[index] = convert(errors[index], conversion)
    }
  } catch {
    // a proxy that stopped answering: what was read so far stands
  }
  return converted
}

/** `throw 5`: its text stands for name and message. */
function fromValue(value: unknown, { valueBytes, valueDepth }: WireErrorContext): WireError {
  const text = typeof value === 'string' ? value : textOf(value, engineLimits.errorMessage).text
  const wire: WireError = {
    name: cut(text, engineLimits.errorName).text,
    message: cut(text, engineLimits.errorMessage).text,
  }
  try {
    const encoded = encodeValue(value, {
      bytes: valueBytes ?? defaultWorkerSettings.valueBytes,
      depth: valueDepth ?? defaultWorkerSettings.valueDepth,
    })
    if (encoded !== undefined) wire.thrown = encoded.bytes
  } catch {
    // absent: the value does not survive
  }
  return wire
}

function stackOf(error: object, header: string, { find }: WireErrorContext): Partial<WireError> {
  const stack = textProperty(error, 'stack')
  if (stack === undefined) return {}
  const { frames, ...place } = withIntrinsics(() => {
    const text = cut(stack, engineLimits.errorMessage + engineLimits.errorStack).text
    // a message may contain lines that look like frames
    return mapFrames(text.startsWith(header) ? text.slice(header.length) : text, find ?? (() => undefined))
  })
  return { stack: cut(frames === '' ? header : `${header}\n${frames}`, engineLimits.errorStack).text, ...place }
}

function textProperty(holder: object, key: string): string | undefined {
  const value = read(holder, key)
  return typeof value === 'string' ? value : undefined
}

// getters, traps of proxies and `Error.prepareStackTrace` are code of the user
function read(holder: object, key: string): unknown {
  try {
    return (holder as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
