import type { WireError } from '@capsule/protocol'

// cells share `globalThis` with this code and may replace these
const NativeError = Error
const { assign, defineProperty } = Object

/** What the host answered, as an error that a cell can tell by its code. */
export function errorOf({ name, message, code }: WireError): Error {
  const error = new NativeError(message)
  defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return code === undefined ? error : assign(error, { code })
}
