import { expect, test } from 'vitest'
import { withIntrinsics } from './intrinsics.ts'

test('what was overwritten is put aside for the call, also when it throws', () => {
  const { push } = Array.prototype
  const fake = (): never => {
    throw new Error('fake')
  }
  try {
    Array.prototype.push = fake
    Reflect.deleteProperty(Set.prototype, 'isSubsetOf')
    expect(withIntrinsics(() => Array.prototype.push)).toBe(push)
    expect(() =>
      withIntrinsics(() => {
        throw new RangeError('inside')
      }),
    ).toThrow(RangeError)
    expect(Array.prototype.push).toBe(fake)
    expect('isSubsetOf' in Set.prototype).toBe(false)
  } finally {
    Array.prototype.push = push
  }
})
