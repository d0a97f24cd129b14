import { createCapsule, type CapsuleSessionOptions } from '@capsule/host'
import { describeSessionContract } from '@capsule/session/testing'
import { afterAll } from 'vitest'
import { workerMarker } from './worker-marker.ts'

for (const executor of ['threaded', 'async'] as const) {
  const isPreemptive = executor === 'threaded'
  const capsule = createCapsule({ executor })
  afterAll(async () => (await capsule).shutdown())
  describeSessionContract(`child process, ${executor}`, {
    createSession: async (options: CapsuleSessionOptions = {}) =>
      (await capsule).createSession({ modules: true, ...options, env: workerMarker() }),
    abilities: { preemptive: isPreemptive, syncInput: isPreemptive },
  })
}
