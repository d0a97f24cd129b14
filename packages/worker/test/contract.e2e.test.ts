import { describeExecutorContract } from '@capsule/executor/testing'
import { describe, it } from 'vitest'
import { forkMemoryWorker } from './memory-worker.ts'
import { connectRemoteWorker } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'

describeExecutorContract('child process x threaded', {
  abilities: { preemptive: true, syncInput: true, concurrent: false },
  lacks: ['drain'],
  create: (creation) => connectRemoteWorker(spawnWorker({ executor: 'threaded' }), creation),
})

describeExecutorContract('child process x async', {
  abilities: { preemptive: false, syncInput: false, concurrent: false },
  // its writes block instead, so it offers no `output-credit`
  lacks: ['drain', 'credit'],
  create: (creation) => connectRemoteWorker(spawnWorker({ executor: 'async' }), creation),
})

describeExecutorContract('memory x async', {
  abilities: { preemptive: false, syncInput: false, concurrent: false },
  lacks: ['drain'],
  create: (creation) => connectRemoteWorker(forkMemoryWorker(), creation),
})

// V8 terminates the code of a process's main thread only, and both threads have to share it: a worker of its own
describe.skip('memory x threaded keeps the executor contract', () => {
  it('is not a combination: the user side must be the main thread of a process', () => {})
})
