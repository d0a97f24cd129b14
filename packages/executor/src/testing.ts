/** The contract that every executor keeps, as a vitest suite. */
import { defaultWorkerSettings } from '@capsule/protocol'
import { afterEach, describe } from 'vitest'
import { cancelCases } from './contract/cancel-cases.ts'
import { displayCases } from './contract/display-cases.ts'
import { ExecutorBench, type ExecutorContractSubject, type OpenBench } from './contract/executor-bench.ts'
import { flowCases } from './contract/flow-cases.ts'
import { inputCases } from './contract/input-cases.ts'
import { outputCases } from './contract/output-cases.ts'
import { settlementCases } from './contract/settlement-cases.ts'

export type { ExecutorContractSubject, ExecutorCreation, Reach, RemoteExecutor } from './contract/executor-bench.ts'

/** What the subject's abilities do not promise shows as skipped. */
export function describeExecutorContract(name: string, subject: ExecutorContractSubject): void {
  describe(`${name} keeps the executor contract`, () => {
    const opened: ExecutorBench[] = []
    const open: OpenBench = async ({ settings, windowBytes = Infinity } = {}) => {
      const bench = await ExecutorBench.open(subject, {
        settings: { ...defaultWorkerSettings, ...settings },
        windowBytes,
      })
      opened.push(bench)
      return bench
    }
    afterEach(async () => {
      for (const bench of opened.splice(0)) await bench.executor[Symbol.asyncDispose]()
    })
    settlementCases(open, subject)
    outputCases(open)
    displayCases(open, subject)
    inputCases(open, subject.abilities)
    cancelCases(open, subject.abilities)
    flowCases(open, subject)
  })
}
