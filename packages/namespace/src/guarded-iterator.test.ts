import { expect, test, vi } from 'vitest'
import { Execution } from './execution.ts'
import { GuardedIterator } from './guarded-iterator.ts'

async function collect(iterable: unknown, execution?: Execution, limit = Infinity): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const value of new GuardedIterator(iterable, () => execution) as unknown as AsyncIterable<unknown>) {
    seen.push(value)
    if (seen.length === limit) break
  }
  return seen
}

const execution = (): Execution => new Execution('x', 1, '/cell-1.js')

test('iterates asynchronous and synchronous iterables, and those of promises', async () => {
  async function* numbers() {
    yield 1
    yield 2
  }
  expect(await collect(numbers(), execution())).toEqual([1, 2])
  expect(await collect([1, Promise.resolve(2)], execution())).toEqual([1, 2])
  expect(await collect(new Set(['a']))).toEqual(['a'])
})

test('refuses what is not iterable', async () => {
  await expect(collect(5)).rejects.toThrow(new TypeError('number is not async iterable'))
  await expect(collect(null)).rejects.toThrow(new TypeError('null is not async iterable'))
})

test('a loop that breaks lets its source return', async () => {
  const onReturn = vi.fn<() => void>()
  function* endless() {
    try {
      for (;;) yield 1
    } finally {
      onReturn()
    }
  }
  expect(await collect(endless(), execution(), 3)).toEqual([1, 1, 1])
  expect(onReturn).toHaveBeenCalledOnce()
})

test('a cancel between or within steps lets the source return once, and throws', async () => {
  for (const next of [() => ({ value: 1, done: false }), () => new Promise(() => {})]) {
    const cancelled = execution()
    const onReturn = vi.fn<() => object>(() => ({}))
    const loop = collect({ [Symbol.asyncIterator]: () => ({ next, return: onReturn }) }, cancelled)
    cancelled.cancel('cancelled')
    await expect(loop).rejects.toBe(cancelled.cancellation)
    expect(onReturn).toHaveBeenCalledOnce()
  }
})

test('an error of the source is passed on, without asking it to return', async () => {
  const onReturn = vi.fn<() => object>(() => ({}))
  const failing = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('source')), return: onReturn }),
  }
  await expect(collect(failing, execution())).rejects.toThrow('source')
  expect(onReturn).not.toHaveBeenCalled()
})
