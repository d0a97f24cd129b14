import { expect, it } from 'vitest'
import { shieldedStdio } from './leaked-descriptors.ts'

const bytes = { type: 'bytes', bytes: new Uint8Array(1) } as const

it('is what the driver needs where nothing leaks', () => {
  expect(shieldedStdio([], [])).toEqual([])
  expect(shieldedStdio([bytes], [])).toEqual([bytes])
})

it('puts /dev/null in the place of what leaks, and leaves what is the driver its own', () => {
  expect(shieldedStdio([bytes], [5, 8])).toEqual([bytes, { type: 'none' }, { type: 'none' }, { type: 'null' }])
  expect(shieldedStdio([], [6])).toEqual([{ type: 'none' }, { type: 'null' }])
})
