interface MeteredBodyOptions<T> {
  readonly source: AsyncIterable<T>
  /** Counts a chunk before it is given on; what it returns ends the body. */
  readonly take: (chunk: T) => unknown
  /** Makes of what the source throws what the reader gets. */
  readonly errorOf: (thrown: unknown) => unknown
  /** Called once. `left`: the reader wants no more. */
  readonly onEnd: (how: 'read' | 'left' | 'failed', error?: unknown) => void
}

interface Reader {
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

const done: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** A body that counts, and that ends when its call does, also while its source does not answer. To be read once. */
export class MeteredBody<T> implements AsyncIterableIterator<T, undefined> {
  readonly #options: MeteredBodyOptions<T>
  readonly #readers = new Set<Reader>()
  #iterator: AsyncIterator<T> | undefined
  #state: { readonly is: 'open' } | { readonly is: 'ended' } | { readonly is: 'failed'; readonly error: unknown } = {
    is: 'open',
  }

  constructor(options: MeteredBodyOptions<T>) {
    this.#options = options
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#state.is === 'ended') return Promise.resolve(done)
    if (this.#state.is === 'failed') {
      // told once, then it is simply over
      const { error } = this.#state
      this.#state = { is: 'ended' }
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      const reader = { done: () => resolve(done), fail: reject }
      this.#readers.add(reader)
      this.#pull().then(
        (result) => {
          if (!this.#readers.has(reader)) return
          if (result.done === true) return this.#end('read')
          const refusal = this.#options.take(result.value)
          if (refusal !== undefined) return this.#end('failed', refusal)
          // `take` may have ended it
          if (this.#readers.delete(reader)) resolve({ done: false, value: result.value })
        },
        (thrown: unknown) => {
          if (this.#readers.has(reader)) this.#end('failed', this.#options.errorOf(thrown))
        },
      )
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end('left')
    return Promise.resolve(done)
  }

  /** Ends it from outside: whoever reads gets the error. */
  fail(error: unknown): void {
    this.#end('failed', error)
  }

  async #pull(): Promise<IteratorResult<T>> {
    this.#iterator ??= this.#options.source[Symbol.asyncIterator]()
    return this.#iterator.next()
  }

  #end(how: 'read' | 'left' | 'failed', error?: unknown): void {
    if (this.#state.is !== 'open') return
    const readers = [...this.#readers]
    this.#readers.clear()
    this.#state = how === 'failed' && readers.length === 0 ? { is: 'failed', error } : { is: 'ended' }
    if (how !== 'read') leaveBody(this.#options.source, this.#iterator)
    for (const reader of readers) {
      if (how === 'failed') reader.fail(error)
      else reader.done()
    }
    this.#options.onEnd(how, error)
  }
}

/** Lets a source go that is not read to its end; what it says to that is of no use to anybody. */
export function leaveBody<T>(source: AsyncIterable<T>, iterator?: AsyncIterator<T>): void {
  try {
    const left = (iterator ?? source[Symbol.asyncIterator]()).return?.()
    left?.then(undefined, () => {})
  } catch {
    // as above
  }
}
