import { expect, it } from 'vitest'
import { chooseRoute } from './choose-route.ts'

const both = ['threaded', 'async'] as const

it('sends what awaits to async and what may block to threaded', () => {
  const routes = (['top-level-await', 'async', 'blocking', 'simple', 'unknown'] as const).map((mode) =>
    chooseRoute({ mode, available: both }),
  )
  expect(routes).toEqual(['async', 'async', 'threaded', 'threaded', 'threaded'])
})

it('follows the preference for what may block, and the pin for all', () => {
  expect(chooseRoute({ mode: 'simple', available: both, preferred: 'async' })).toBe('async')
  expect(chooseRoute({ mode: 'async', available: both, preferred: 'threaded' })).toBe('async')
  expect(chooseRoute({ mode: 'async', available: both, route: 'threaded' })).toBe('threaded')
})

it('takes the other executor where one is missing, but not against a pin', () => {
  expect(chooseRoute({ mode: 'blocking', available: ['async'] })).toBe('async')
  expect(chooseRoute({ mode: 'async', available: ['threaded'] })).toBe('threaded')
  const pinned = () => chooseRoute({ mode: 'async', available: ['threaded'], route: 'async' })
  expect(pinned).toThrow(expect.objectContaining({ code: 'ROUTE_UNAVAILABLE' }) as Error)
  expect(() => chooseRoute({ mode: 'async', available: [] })).toThrow('available: none')
})
