import { withAbort } from '@capsule/core'
import { cross } from './crossing.ts'

/** A body that fails as soon as its call is over (`signal`), or more comes than the limit. */
export async function* limitedBytes(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { signal, limitBytes, tooLarge }: { signal: AbortSignal; limitBytes: number; tooLarge: () => Error },
): AsyncGenerator<Uint8Array, void> {
  const chunks = iteratorOf(source)
  let bytes = 0
  try {
    for (;;) {
      const next = await withAbort(Promise.resolve(chunks.next()), signal, 'the body')
      if (next.done) return
      bytes += next.value.length
      if (bytes > limitBytes) throw tooLarge()
      yield next.value
    }
  } finally {
    // not awaited: a source that waits for its peer would hold up whoever leaves
    void Promise.resolve(chunks.return?.()).catch(() => {})
  }
}

export interface CollectOptions {
  readonly signal: AbortSignal
  readonly limitBytes: number
  /** Leaves the body after so many. */
  readonly maxChunks: number
  readonly tooLarge: () => Error
  readonly invalid: (problem: string) => Error
}

/** Reads the body of a reply within the limits, and leaves it early beyond, and when its call is aborted. */
export async function collectBody(
  body: AsyncIterable<unknown>,
  { signal, limitBytes, maxChunks, tooLarge, invalid }: CollectOptions,
): Promise<unknown[]> {
  const iterator = body[Symbol.asyncIterator]()
  const leave = async (): Promise<void> => void (await iterator.return?.())
  const onAbort = (): void => void leave().catch(() => {})
  signal.addEventListener('abort', onAbort, { once: true })
  const chunks: unknown[] = []
  let bytes = 0
  try {
    while (chunks.length < maxChunks) {
      const next = await iterator.next()
      if (next.done) return chunks
      const crossed = cross(next.value)
      if ('problem' in crossed) throw invalid(`a chunk of the body cannot be sent: ${crossed.problem}`)
      bytes += next.value instanceof Uint8Array ? next.value.length : crossed.bytes
      if (bytes > limitBytes) throw tooLarge()
      chunks.push(crossed.copy)
    }
    await leave()
    return chunks
  } catch (error) {
    await leave()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** For a body that will not be read: it may hold something open. */
export async function leaveBody(body: AsyncIterable<unknown> | undefined): Promise<void> {
  await body?.[Symbol.asyncIterator]().return?.()
}

function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): Iterator<T, unknown> | AsyncIterator<T, unknown> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
}
