import type { Execution } from './execution.ts'
import { apply, asyncIterator, iterator, NativeTypeError, promiseOf, thenOf } from './primordials.ts'

interface Source {
  readonly next: (...args: unknown[]) => unknown
  readonly return?: ((...args: unknown[]) => unknown) | null
}

interface Step {
  readonly done?: boolean
  readonly value?: unknown
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as { then?: unknown }).then === 'function'
}

/** Iterates as `for await` does, each step guarded; a source that a cancel leaves half-way is told to `return`. */
export class GuardedIterator {
  readonly #source: Source
  readonly #next: Source['next']
  readonly #isAsync: boolean
  readonly #current: () => Execution | undefined

  constructor(iterable: unknown, current: () => Execution | undefined) {
    const openAsync = methodOf(iterable, asyncIterator)
    const open = openAsync ?? methodOf(iterable, iterator)
    if (open === undefined) throw new NativeTypeError(`${describe(iterable)} is not async iterable`)
    this.#isAsync = openAsync !== undefined
    this.#source = apply(open, iterable, []) as Source
    this.#next = this.#source.next
    this.#current = current
  }

  [asyncIterator](): this {
    return this
  }

  next(): unknown {
    try {
      const halt = this.#current()?.check()
      if (halt !== undefined) return halt
    } catch (cancellation) {
      this.#closeQuietly()
      throw cancellation
    }
    const step = apply(this.#next, this.#source, [])
    if (this.#isAsync) return this.#guard(step)
    return unwrap(step as Step, (value) => this.#guard(value))
  }

  return(value?: unknown): unknown {
    const step = this.#close(value)
    return this.#isAsync ? step : unwrap(step as Step, promiseOf)
  }

  #guard(value: PromiseLike<unknown>): Promise<unknown>
  #guard(value: unknown): unknown
  #guard(value: unknown): unknown {
    const execution = this.#current()
    if (execution === undefined || !isThenable(value)) return value
    const guarded = execution.guard(value)
    void thenOf(guarded, ignore, (error) => {
      if (error === execution.cancellation) this.#closeQuietly()
    })
    return guarded
  }

  #close(value: unknown): unknown {
    const method = this.#source.return
    return method === undefined || method === null ? { done: true, value } : apply(method, this.#source, [value])
  }

  #closeQuietly(): void {
    try {
      void thenOf(promiseOf(this.#close(undefined)), ignore, ignore)
    } catch {
      // what the cell gets to see is the cancellation
    }
  }
}

// a synchronous iterable may yield promises; the loop sees their values
function unwrap(step: Step, settle: (value: PromiseLike<unknown>) => Promise<unknown>): unknown {
  const { done = false, value } = step
  if (!isThenable(value)) return { done, value }
  return thenOf(settle(value), (settled) => ({ done, value: settled }), rethrow)
}

function methodOf(holder: unknown, key: PropertyKey): ((...args: unknown[]) => unknown) | undefined {
  if (holder === undefined || holder === null) return undefined
  const method = (holder as Record<PropertyKey, unknown>)[key]
  return typeof method === 'function' ? (method as (...args: unknown[]) => unknown) : undefined
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function ignore(): void {}

function rethrow(error: unknown): never {
  throw error
}
