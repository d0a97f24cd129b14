import { createMemoryTransportPair } from './memory-transport.ts'
import { describeTransportContract } from './testing.ts'

describeTransportContract('memory, host side', {
  abilities: { raw: true },
  create: () => {
    const { host, worker, process } = createMemoryTransportPair<object, object>()
    const writeRaw = (bytes: Uint8Array): void => process.writeBytes(bytes)
    return Promise.resolve({ left: host, right: worker, writeRaw, dispose: () => host[Symbol.asyncDispose]() })
  },
})

describeTransportContract('memory, worker side', {
  create: () => {
    const { host, worker } = createMemoryTransportPair<object, object>()
    return Promise.resolve({ left: worker, right: host, dispose: () => host[Symbol.asyncDispose]() })
  },
})
