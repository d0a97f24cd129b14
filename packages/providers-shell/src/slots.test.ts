import { expect, it } from 'vitest'
import { createSlots } from './slots.ts'

it('gives its slots in turn, and each back once', async () => {
  const slots = createSlots(2)
  const [first, second] = [await slots.take('a', {}), await slots.take('b', {})]
  const order: string[] = []
  const third = slots.take('c', {}).then((release) => (order.push('c'), release))
  const fourth = slots.take('d', {}).then((release) => (order.push('d'), release))
  await new Promise(setImmediate)
  expect(order).toEqual([])
  first()
  first()
  await third
  await new Promise(setImmediate)
  expect(order).toEqual(['c'])
  second()
  await fourth
  ;(await third)()
  ;(await fourth)()
  // all are free again
  await slots.take('e', {})
  await slots.take('f', {})
})

it('forgets who does not wait any more', async () => {
  const slots = createSlots(1)
  const release = await slots.take('a', {})
  const controller = new AbortController()
  const { signal } = controller
  const waiting = slots.take('the command ls', { signal })
  controller.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED', message: 'the command ls was cancelled' })
  const next = slots.take('b', {})
  release()
  await next
  await expect(slots.take('c', { signal })).rejects.toMatchObject({ code: 'CANCELLED' })
})
