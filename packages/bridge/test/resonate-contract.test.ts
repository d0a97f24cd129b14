import { afterAll, beforeAll, describe } from 'vitest'
import { describeExecutionDistributorContract } from '../src/distribution/distributor-contract.ts'
import { createResonateDistributor } from '../src/resonate.ts'
import { type ResonateServer, startResonateServer } from './fixtures/resonate-server.ts'

const realUrl = process.env['RESONATE_URL']

describe('over RESONATE_URL, or the test server', () => {
  let server: ResonateServer | undefined
  beforeAll(async () => {
    if (realUrl === undefined) server = await startResonateServer()
  })
  afterAll(() => server?.stop())

  describeExecutionDistributorContract('resonate', {
    open: ({ maxAttempts }) => {
      const url = realUrl ?? server?.url ?? ''
      const dispatcher = createResonateDistributor({ url })
      return Promise.resolve({ dispatcher, worker: createResonateDistributor({ url, maxAttempts }) })
    },
  })
})
