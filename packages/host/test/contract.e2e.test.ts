import { createCapsule, type CapsuleSessionOptions } from '@capsule/host'
import { describeSessionContract } from '@capsule/session/testing'
import { afterAll } from 'vitest'
import { availableLevels } from './available-levels.ts'
import { workerMarker } from './worker-marker.ts'

for (const isolation of await availableLevels(['process', 'os'])) {
  for (const executor of ['threaded', 'async'] as const) {
    const isPreemptive = executor === 'threaded'
    const capsule = createCapsule({ executor, isolation })
    afterAll(async () => (await capsule).shutdown())
    describeSessionContract(`child process, ${executor}, ${isolation}`, {
      createSession: async (options: CapsuleSessionOptions = {}) =>
        (await capsule).createSession({ modules: isolation === 'process', ...options, env: workerMarker() }),
      abilities: {
        preemptive: isPreemptive,
        syncInput: isPreemptive,
        childProcesses: isolation === 'process',
        modules: isolation === 'process',
      },
    })
  }
}
