import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { workerArgv, workerEntry } from './index.ts'

it('ends with the entry and the executor', () => {
  const path = fileURLToPath(workerEntry)
  expect(workerArgv({ executor: 'threaded' }).slice(-2)).toEqual([path, '--executor=threaded'])
  const entry = new URL('file:///elsewhere/main.cjs')
  expect(workerArgv({ executor: 'async', entry }).slice(-2)).toEqual(['/elsewhere/main.cjs', '--executor=async'])
})

it('caps the heap when it is told to', () => {
  expect(workerArgv({ executor: 'async' }).join(' ')).not.toContain('old-space')
  expect(workerArgv({ executor: 'async', maxHeapMb: 64 })).toContain('--max-old-space-size=64')
})
