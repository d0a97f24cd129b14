import type { WireError } from '@capsule/protocol'

/** What the host answered, as an error that a cell can tell by its code. */
export function errorOf({ name, message, code }: WireError): Error {
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return code === undefined ? error : Object.assign(error, { code })
}
