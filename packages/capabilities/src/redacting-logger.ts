import { createLogger, type Logger } from '@capsule/core'
import { readThrown } from './thrown.ts'
import type { Redactor } from './redactor.ts'

// unit: levels, entries; threat: a provider that logs a whole world
const maxDepth = 5
const maxEntries = 100
// unit: UTF-16 units of one text
const maxLength = 8192

/** A logger whose lines hold no secrets of any provider. */
export function createRedactingLogger(logger: Logger, redactor: Redactor): Logger {
  return createLogger((level, message, fields) => {
    if (!redactor.hasSecrets) logger[level](message, fields)
    else logger[level](redactor.redact(message, maxLength), redactValue(fields, redactor, maxDepth) as object as {})
  })
}

function redactValue(value: unknown, redactor: Redactor, depth: number): unknown {
  if (typeof value === 'string') return redactor.redact(value, maxLength)
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  try {
    if (value instanceof Error) return redactError(value, redactor)
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
    if (depth === 0) return '[…]'
    if (Array.isArray(value)) return value.slice(0, maxEntries).map((each) => redactValue(each, redactor, depth - 1))
    const entries = Object.entries(value).slice(0, maxEntries)
    return Object.fromEntries(
      entries.map(([key, each]) => [redactor.redact(key, maxLength), redactValue(each, redactor, depth - 1)]),
    )
  } catch {
    // a getter or a proxy that throws
    return '[cannot be shown]'
  }
}

function redactError(error: Error, redactor: Redactor): object {
  const { code, message, detail } = readThrown(error)
  const redacted = { message: redactor.redact(message, maxLength), detail: redactor.redact(detail, maxLength) }
  return code === undefined ? redacted : { code, ...redacted }
}
