import { describeTransportContract } from '@capsule/transport/testing'
import { createFifoPair } from './fifo-pair.ts'
import { createRemotePair } from './remote-pair.ts'

for (const write of ['async', 'blocking'] as const) {
  describeTransportContract(`child process, ${write} worker`, {
    abilities: { raw: true },
    create: () => createRemotePair(write),
  })
}

describeTransportContract('descriptors, async', { create: createFifoPair })
