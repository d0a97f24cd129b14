import { expect, it } from 'vitest'
import { alternate, ratioOf } from './rounds.ts'
import { median, percentile } from './statistics.ts'
import { judge } from './targets.ts'

it('runs every contender in every round, each first in turn', async () => {
  const order: string[] = []
  const medians = await alternate([{ name: 'a' }, { name: 'b' }], 3, async ({ name }, round) => {
    order.push(name)
    return [round, round + 10, round + 20]
  })
  expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b'])
  expect(medians.get('a')).toEqual([10, 11, 12])
})

it('takes ratios within rounds, so that a slow round does not count', () => {
  const medians = new Map([
    ['base', [1, 100, 1]],
    ['ours', [2, 200, 2]],
  ])
  expect(ratioOf(medians, 'ours', 'base')).toBe(2)
})

it('knows medians and percentiles', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(
    percentile(
      Array.from({ length: 100 }, (_, i) => i),
      0.95,
    ),
  ).toBe(95)
  expect(median([])).toBeNaN()
})

it('judges only what was measured, against its goal', () => {
  const measured = { title: '', unit: 'GiB per s', samples: 1 }
  expect(judge([{ ...measured, id: 'frames/decode', value: 0.9 }])).toMatchObject([{ isMet: false }])
  expect(judge([{ ...measured, id: 'frames/decode', value: 1.1 }])).toMatchObject([{ isMet: true }])
  expect(judge([{ ...measured, id: 'something else', value: 1 }])).toEqual([])
})
