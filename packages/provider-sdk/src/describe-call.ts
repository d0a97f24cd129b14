import { capabilityBody } from '@capsule/core'

// unit: characters
const describedLength = 200
// controls, line breaks, and what turns the direction of text: a person reads this line before allowing what it says
const unreadable = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Makes one readable, bounded line of any `describe`, and never throws. */
export function describeInOneLine(describe: ((input: never) => unknown) | undefined): (input: unknown) => string {
  return (input) => {
    const text = attempt(describe as ((input: unknown) => unknown) | undefined, input) ?? attempt(asJson, input)
    return cut((text ?? 'a call that cannot be described').slice(0, describedLength * 2).toWellFormed())
  }
}

function attempt(describe: ((input: unknown) => unknown) | undefined, input: unknown): string | undefined {
  try {
    const text = describe?.(input)
    return typeof text === 'string' && text.trim() !== '' ? text : undefined
  } catch {
    return undefined
  }
}

function cut(text: string): string {
  const line = text.replaceAll(unreadable, '\ufffd')
  // not within a pair of surrogates
  return line.length > describedLength ? `${line.slice(0, describedLength).toWellFormed()}…` : line
}

function asJson(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) => {
    if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`
    if (value === capabilityBody) return '<a stream>'
    if (value instanceof Map || value instanceof Set) return `<${value.size} entries>`
    return typeof value === 'bigint' ? `${value}n` : value
  })
}
