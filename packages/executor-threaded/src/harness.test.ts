import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { createHarness } from './harness.ts'
import { createSharedMemory, openSharedMemory, phase, word } from './shared-state.ts'

function open() {
  const memory = createSharedMemory()
  const shared = openSharedMemory(memory)
  return { memory, harness: createHarness(shared), phaseNow: () => Atomics.load(shared.words, word.phase), shared }
}

it('is the harness phase inside, and user outside, also when it throws', () => {
  const { harness, phaseNow } = open()
  expect(phaseNow()).toBe(phase.user)
  expect(harness(phaseNow)).toBe(phase.harness)
  expect(() =>
    harness(() => {
      throw new Error('inside')
    }),
  ).toThrow('inside')
  expect(phaseNow()).toBe(phase.user)
})

it('is left by the outermost only', () => {
  const { harness, phaseNow } = open()
  const seen = harness(() => [harness(phaseNow), phaseNow()])
  expect(seen).toEqual([phase.harness, phase.harness])
})

it('waits while a termination is on its way, and goes on when it is called off', async () => {
  const { memory, harness, phaseNow, shared } = open()
  Atomics.store(shared.words, word.phase, phase.terminating)
  // calls the termination off once this thread waits for it
  const code = `const words = new Int32Array(require('node:worker_threads').workerData)
while (Atomics.notify(words, ${word.phase}) === 0);
Atomics.store(words, ${word.phase}, ${phase.user})
Atomics.notify(words, ${word.phase})`
  const other = new Worker(code, { eval: true, workerData: memory.words })
  onTestFinished(async () => void (await other.terminate()))
  await once(other, 'online')
  expect(harness(phaseNow)).toBe(phase.harness)
})
