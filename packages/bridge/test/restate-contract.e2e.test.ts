import { afterAll, beforeAll, describe } from 'vitest'
import { describeExecutionDistributorContract } from '../src/distribution/distributor-contract.ts'
import { createRestateDistributor } from '../src/restate.ts'
import { findPort, hasRestateServer, RestateServer } from '@capsule/testing'

describe.skipIf(!hasRestateServer)('over a real Restate server', () => {
  let server: RestateServer
  beforeAll(async () => {
    server = await RestateServer.start()
  }, 40_000)
  afterAll(() => server[Symbol.asyncDispose]())

  describeExecutionDistributorContract('restate', {
    open: async ({ maxAttempts }) => {
      const { ingressUrl, adminUrl } = server
      const endpoint = { groupPort: await findPort() }
      const dispatcher = createRestateDistributor({ ingressUrl, adminUrl })
      return { dispatcher, worker: createRestateDistributor({ ingressUrl, adminUrl, maxAttempts, endpoint }) }
    },
  })
})
