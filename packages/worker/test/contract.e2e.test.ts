import { describeConcurrencyContract, describeExecutorContract } from '@capsule/executor/testing'
import { describe, expect, it } from 'vitest'
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

describeConcurrencyContract('child process x threaded', {
  abilities: { preemptive: true, syncInput: false, concurrent: true },
  create: (creation) => connectRemoteWorker(spawnWorker({ executor: 'threaded' }), creation, { maxConcurrent: 3 }),
})

describeConcurrencyContract('child process x async', {
  abilities: { preemptive: false, syncInput: false, concurrent: true },
  create: (creation) => connectRemoteWorker(spawnWorker({ executor: 'async' }), creation, { maxConcurrent: 3 }),
})

describeConcurrencyContract('memory x async', {
  abilities: { preemptive: false, syncInput: false, concurrent: true },
  create: (creation) => connectRemoteWorker(forkMemoryWorker(), creation, { maxConcurrent: 3 }),
})

// V8 terminates the code of a process's main thread only, so the threaded executor needs a process of its own
const canTerminateThreads = false

describe.skipIf(!canTerminateThreads)('memory x threaded keeps the executor contract', () => {
  it('runs where a thread of the test can be terminated', () => expect.unreachable())
})
