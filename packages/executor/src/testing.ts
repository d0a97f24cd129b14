/** The contract that every executor keeps, as a vitest suite. */
import { defaultWorkerSettings } from '@capsule/protocol'
import { afterEach, describe } from 'vitest'
import { cancelCases } from './contract/cancel-cases.ts'
import { capabilityCases } from './contract/capability-cases.ts'
import { concurrencyCases } from './contract/concurrency-cases.ts'
import { displayCases } from './contract/display-cases.ts'
import { ExecutorBench, type ExecutorContractSubject, type OpenBench } from './contract/executor-bench.ts'
import { flowCases } from './contract/flow-cases.ts'
import { inputCases } from './contract/input-cases.ts'
import { outputCases } from './contract/output-cases.ts'
import { settlementCases } from './contract/settlement-cases.ts'

export type { ExecutorContractSubject, ExecutorCreation, Reach, RemoteExecutor } from './contract/executor-bench.ts'

/** What the subject's abilities do not promise shows as skipped. */
export function describeExecutorContract(name: string, subject: ExecutorContractSubject): void {
  describeWith(name, 'the executor contract', subject, (open) => {
    settlementCases(open, subject)
    outputCases(open)
    displayCases(open, subject)
    inputCases(open, subject.abilities)
    capabilityCases(open)
    cancelCases(open, subject.abilities)
    flowCases(open, subject)
  })
}

/** What holds beside the contract for an executor that runs three cells at once, and no more. */
export function describeConcurrencyContract(name: string, subject: ExecutorContractSubject): void {
  describeWith(name, 'the contract of concurrent executions', subject, (open) =>
    concurrencyCases(open, subject.abilities),
  )
}

function describeWith(
  name: string,
  contract: string,
  subject: ExecutorContractSubject,
  cases: (open: OpenBench) => void,
): void {
  describe(`${name} keeps ${contract}`, () => {
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
    cases(open)
  })
}
