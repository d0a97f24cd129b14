import { createCapsule, type CapsuleSessionOptions } from '@capsule/host'
import { describeSessionContract } from '@capsule/session/testing'
import { afterAll } from 'vitest'
import { availableLevels } from './available-levels.ts'

for (const isolation of await availableLevels(['process', 'os'])) {
  for (const executor of ['threaded', 'async'] as const) {
    const isPreemptive = executor === 'threaded'
    const capsule = createCapsule({ executor, isolation })
    afterAll(async () => (await capsule).shutdown())
    describeSessionContract(`child process, ${executor}, ${isolation}`, {
      createSession: async (options: CapsuleSessionOptions = {}) =>
        (await capsule).createSession({ ...options, env: workerMarker() }),
      abilities: { preemptive: isPreemptive, syncInput: isPreemptive, childProcesses: isolation === 'process' },
    })
  }
}

/** Lets the suite find workers that were left behind; see tools/no-orphans.ts. */
function workerMarker(): Record<string, string> {
  const marker = process.env['CAPSULE_TEST_RUN']
  return marker === undefined ? {} : { CAPSULE_TEST_RUN: marker }
}
