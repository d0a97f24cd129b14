import { expect, test, vi } from 'vitest'
import { Execution } from './execution.ts'

const create = (): Execution => new Execution('x', 1, '/cell-1.js')

test('a guard settles as its source does', async () => {
  const execution = create()
  await expect(execution.guard(Promise.resolve(1))).resolves.toBe(1)
  await expect(execution.guard(Promise.reject(new Error('no')))).rejects.toThrow('no')
  // a thenable of the user, not a promise
  // oxlint-disable-next-line unicorn/no-thenable
  await expect(execution.guard({ then: (resolve: (value: number) => void) => resolve(2) })).resolves.toBe(2)
})

test('cancel rejects every pending guard with the one error, once', async () => {
  const execution = create()
  const guards = [execution.guard(new Promise(() => {})), execution.guard(new Promise(() => {}))]
  const settled = execution.guard(Promise.resolve('kept'))
  await settled
  execution.cancel('cancelled')
  const first = execution.cancellation
  execution.cancel('timed-out')
  const results = await Promise.allSettled(guards)
  expect(results.map((result) => result.status === 'rejected' && result.reason === first)).toEqual([true, true])
  expect(execution.cancellation).toBe(first)
  await expect(settled).resolves.toBe('kept')
})

test('a guard that settled before is not held', async () => {
  const execution = create()
  let source: Promise<unknown> | undefined = Promise.resolve({})
  await execution.guard(source)
  source = undefined
  // nothing is left to reject: cancelling now touches no promise
  const unhandled = vi.fn<() => void>()
  process.once('unhandledRejection', unhandled)
  execution.cancel('cancelled')
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

test('listeners hear of the cancel, also when they come late, unless they have left', () => {
  const execution = create()
  const early = vi.fn<(error: Error) => void>()
  const left = vi.fn<(error: Error) => void>()
  execution.onCancel(early)
  execution.onCancel(left)()
  execution.cancel('timed-out')
  const late = vi.fn<(error: Error) => void>()
  execution.onCancel(late)
  expect(early).toHaveBeenCalledExactlyOnceWith(execution.cancellation)
  expect(late).toHaveBeenCalledExactlyOnceWith(execution.cancellation)
  expect(left).not.toHaveBeenCalled()
  expect(execution.cancellation).toMatchObject({ name: 'CapsuleError', code: 'TIMED_OUT' })
})

test('the signal is aborted with the error, whenever it is asked for', () => {
  const before = create()
  const { signal } = before
  expect(signal.aborted).toBe(false)
  before.cancel('cancelled')
  expect(signal.reason).toBe(before.cancellation)
  const after = create()
  after.cancel('cancelled')
  expect(after.signal.reason).toBe(after.cancellation)
})
