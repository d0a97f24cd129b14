import { expect, it } from 'vitest'
import { Places } from './places.ts'

it('gives places in the order in which they were asked for', async () => {
  const places = new Places(1, () => {})
  const order: string[] = []
  const free = await places.take()
  const waiting = ['first', 'second'].map(async (name) => {
    const mine = await places.take()
    order.push(name)
    return mine
  })
  expect(places.tryTake()).toBe(undefined)
  free?.()
  ;(await waiting[0])?.()
  ;(await waiting[1])?.()
  expect(order).toEqual(['first', 'second'])
  expect(places.hasFree).toBe(true)
})

it('gives a place back once, however often it is freed', () => {
  const places = new Places(1, () => {})
  const free = places.tryTake()
  free?.()
  free?.()
  const again = places.tryTake()
  expect(again).toBeTypeOf('function')
  expect(places.tryTake()).toBe(undefined)
})

it('says when the last one is taken and when one is free again', () => {
  const changes: boolean[] = []
  const places = new Places(2, () => changes.push(places.hasFree))
  const first = places.tryTake()
  expect(changes).toEqual([])
  places.tryTake()
  first?.()
  expect(changes).toEqual([false, true])
})

it('gives those that wait nothing once it is closed, and ends with the last place', async () => {
  const places = new Places(1, () => {})
  const free = places.tryTake()
  const waiting = places.take()
  let isEmpty = false
  const emptied = places.close().then(() => (isEmpty = true))
  expect(await waiting).toBe(undefined)
  expect(await places.take()).toBe(undefined)
  expect(isEmpty).toBe(false)
  free?.()
  await emptied
})
