import { expect, it } from 'vitest'
import { createConnections } from '../src/connector.ts'
import { codeOf } from './fetching.ts'
import { publicAddress, startSite } from './site.ts'

// below the policy that every hop is asked for: these hold even where that one is passed by

function connectionsWith(isAddressAllowed: (address: string) => boolean) {
  return createConnections({
    policy: { check() {}, isPrivateAllowed: () => false, isAddressAllowed: (_, address) => isAddressAllowed(address) },
    resolve: () => Promise.resolve([{ address: publicAddress, family: 4 }]),
    connectTimeoutMs: 5000,
    maxHeaderBytes: 1000,
  })
}

it('dials no address that is refused, though it is never resolved', async () => {
  await using site = await startSite((_, response) => response.end('x'))
  const { dispatcher, refusedBy } = connectionsWith(() => false)
  const origin = `http://${publicAddress}:${site.port}`
  const error: unknown = await dispatcher
    .request({ origin, path: '/', method: 'GET' })
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'HTTP_ADDRESS_NOT_ALLOWED' })
  expect(refusedBy(error)).toEqual([publicAddress])
  expect([refusedBy(undefined), refusedBy(new Error('another'))]).toEqual([undefined, undefined])
  expect(site.sockets.values).toEqual([])
  await dispatcher.destroy()
})

it('sends nothing to a socket that is connected to another address than was allowed', async () => {
  await using site = await startSite((_, response) => response.end('x'))
  let asked = 0
  const { dispatcher } = connectionsWith(() => ++asked === 1)
  const request = dispatcher.request({ origin: `http://a.example.com:${site.port}`, path: '/', method: 'GET' })
  expect(await codeOf(request)).toBe('HTTP_ADDRESS_NOT_ALLOWED')
  expect(asked).toBe(2)
  await site.socketClosed(0)
  expect(site.requests.values).toEqual([])
  await dispatcher.destroy()
})
