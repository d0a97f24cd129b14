import type { EventEmitter } from 'node:events'
import { systemClock, withDeadline } from '@capsule/core'

/** How long a test waits, in real time, for something that should happen at once. */
export const defaultDeadlineMs = 5000

export interface WaitOptions {
  /** Milliseconds of real time. @defaultValue 5000 */
  readonly deadlineMs?: number
  /** Named in the error when the deadline passes. */
  readonly what?: string
}

/** Settles as the promise does. @throws TIMED_OUT after the deadline, naming `what` */
export function waitFor<T>(promise: PromiseLike<T>, { deadlineMs, what }: WaitOptions = {}): Promise<T> {
  const options = { clock: systemClock, timeoutMs: deadlineMs ?? defaultDeadlineMs, what: what ?? 'a wait in a test' }
  return withDeadline(Promise.resolve(promise), options)
}

/** The arguments of the next event with this name. @throws TIMED_OUT */
export async function waitForEvent(
  emitter: Pick<EventEmitter, 'once' | 'off'>,
  name: string,
  options: WaitOptions = {},
): Promise<unknown[]> {
  const { promise, resolve } = Promise.withResolvers<unknown[]>()
  const listener = (...values: unknown[]): void => resolve(values)
  emitter.once(name, listener)
  try {
    return await waitFor(promise, { what: `the event ${name}`, ...options })
  } finally {
    emitter.off(name, listener)
  }
}

/** Collects values and lets a test wait for one, without polling. */
export interface Recorder<T> {
  readonly values: readonly T[]
  /** Adds one value; usable as a callback. */
  readonly record: (value: T) => void
  /** The first value, past or future, for which the predicate holds. @throws TIMED_OUT */
  waitFor(predicate: (value: T) => boolean, options?: WaitOptions): Promise<T>
  /** Resolves once this many values are there. @throws TIMED_OUT */
  waitForCount(count: number, options?: WaitOptions): Promise<readonly T[]>
}

export function createRecorder<T>(): Recorder<T> {
  const values: T[] = []
  const checks = new Set<() => void>()
  const until = async (isMet: () => boolean, options: WaitOptions): Promise<void> => {
    if (isMet()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (isMet()) resolve()
    }
    checks.add(check)
    try {
      await waitFor(promise, options)
    } finally {
      checks.delete(check)
    }
  }
  return {
    values,
    record(value) {
      values.push(value)
      for (const check of checks) check()
    },
    async waitFor(predicate, options) {
      await until(() => values.some(predicate), { what: 'a recorded value', ...options })
      return values.find(predicate) as T
    },
    async waitForCount(count, options) {
      await until(() => values.length >= count, { what: `${count} recorded values`, ...options })
      return values
    },
  }
}
