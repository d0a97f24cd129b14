import { quotedCharacters } from './limits.ts'

/** A message of a type that this release does not know: count it and go on, so that additions stay compatible. */
export interface UnknownMessage {
  readonly type: 'unknown'
  /** The type it had, cut to 200 characters. */
  readonly name: string
}

export function unknownMessage(name: string): UnknownMessage {
  return { type: 'unknown', name: name.slice(0, quotedCharacters) }
}
