import { expect, it } from 'vitest'
import { assembleBpf, encodeBpf } from './bpf.ts'

it('turns labels into distances', () => {
  const program = assembleBpf([
    { load: 4 },
    { test: 'equal', k: 7, yes: 'yes' },
    { return: 1 },
    { label: 'yes' },
    { return: 2 },
  ])
  expect(program.map(({ jt, jf }) => [jt, jf])).toEqual([
    [0, 0],
    [1, 0],
    [0, 0],
    [0, 0],
  ])
})

it.each([
  ['is missing', [{ test: 'equal' as const, k: 1, yes: 'nowhere' }, { return: 0 }]],
  ['is behind', [{ label: 'back' }, { load: 0 }, { test: 'equal' as const, k: 1, yes: 'back' }, { return: 0 }]],
  [
    'is too far',
    [
      { test: 'equal' as const, k: 1, yes: 'end' },
      ...Array.from({ length: 256 }, () => ({ load: 0 })),
      { label: 'end' },
      { return: 0 },
    ],
  ],
])('refuses a label that %s', (_why, steps) => {
  expect(() => assembleBpf(steps)).toThrow(RangeError)
})

it('encodes as the kernel reads', () => {
  expect([...encodeBpf([{ code: 0x15, jt: 1, jf: 2, k: 0xc000003e }])]).toEqual([0x15, 0, 1, 2, 0x3e, 0, 0, 0xc0])
})
