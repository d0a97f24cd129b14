import { afterAll, beforeAll, describe } from 'vitest'
import { createRestateDistributor } from '../src/restate.ts'
import { describeLosses } from './fixtures/describe-losses.ts'
import { findPort, hasRestateServer, RestateServer } from '@capsule/testing'

describe.skipIf(!hasRestateServer)('over a real Restate server', () => {
  let server: RestateServer
  beforeAll(async () => {
    server = await RestateServer.start()
  }, 40_000)
  afterAll(() => server[Symbol.asyncDispose]())

  describeLosses('restate', { noticesSilence: true }, () => {
    const { ingressUrl, adminUrl } = server
    return {
      createDispatcher: () => createRestateDistributor({ ingressUrl, adminUrl }),
      hostChoice: async (options) => {
        const endpoint = { groupPort: await findPort() }
        return { engine: 'restate', options: { ingressUrl, adminUrl, endpoint, ...options } }
      },
      kill: () => server.kill(),
      start: () => server.start(),
    }
  })
})
