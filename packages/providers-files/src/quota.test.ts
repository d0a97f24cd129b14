import { expect, it } from 'vitest'
import { createQuota } from './quota.ts'

it('takes until the limit is met, and no more', () => {
  const quota = createQuota('data', { maxWrittenBytes: 10, maxCreatedEntries: 1 })
  quota.takeBytes(10, 'data:/a')
  expect(() => quota.takeBytes(1, 'data:/a')).toThrow(
    'data:/a: bytes written would be 11, over the limit of 10 for this root (roots.data.maxWrittenBytes)',
  )
  quota.takeEntry('data:/a')
  expect(() => quota.takeEntry('data:/b')).toThrow(expect.objectContaining({ code: 'FILES_QUOTA_EXCEEDED' }))
})

it('has room again for what left nothing behind', () => {
  const quota = createQuota('data', { maxWrittenBytes: 10, maxCreatedEntries: 1 })
  quota.takeBytes(8, 'data:/a')
  quota.giveBackBytes(8)
  quota.takeBytes(10, 'data:/a')
  quota.takeEntry('data:/a')
  quota.giveBackEntry()
  expect(() => quota.takeEntry('data:/a')).not.toThrow()
})
