import { serialize } from 'node:v8'

/** `bytes`: about what it takes on the wire. */
export type Crossed = { readonly copy: unknown; readonly bytes: number } | { readonly problem: string }

/**
 * The value as it is on the other side of the wire: plain, without getters and the prototypes of classes. What has no
 * state to send (functions, symbols, promises) is a problem; the wire would carry a placeholder.
 */
export function cross(value: unknown): Crossed {
  try {
    return { copy: structuredClone(value), bytes: serialize(value).length }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : 'it cannot be sent' }
  }
}
