import { randomBytes } from 'node:crypto'

/** Where ids come from; tests inject a counting one. */
export interface IdSource {
  /** A new id such as `session-k3f9…`: matches `[A-Za-z0-9_-]{1,128}` and is unique for this source. */
  next(kind: string): string
}

/** `kind-1`, `kind-2`, ...: unique within this source only. */
export function createCountingIds(): IdSource {
  const counts = new Map<string, number>()
  return {
    next(kind) {
      const count = (counts.get(kind) ?? 0) + 1
      counts.set(kind, count)
      return `${kind}-${count}`
    },
  }
}

/** `kind-<random>-1`, `kind-<random>-2`, ...: one random part (72 bits) per source, so ids do not repeat across processes. */
export function createRandomIds(): IdSource {
  const origin = randomBytes(9).toString('base64url')
  const counting = createCountingIds()
  return {
    next(kind) {
      const id = counting.next(kind)
      return `${kind}-${origin}${id.slice(kind.length)}`
    },
  }
}
