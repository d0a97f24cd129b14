import type { ResetAnswer } from '@capsule/protocol'
import { type Builtins, defineModule } from '../builtins.ts'
import type { CellPreparer } from '../cell-preparer.ts'
import type { ResetPorts } from '../engine.ts'
import { engineLimits } from '../engine-limits.ts'
import type { Execution } from '../execution.ts'
import { LateExecutions } from '../late-executions.ts'
import { defineProperty, listedDescriptor } from '../primordials.ts'
import type { NamespaceSnapshots } from '../snapshot/namespace-snapshots.ts'
import { toWireError } from '../to-wire-error.ts'
import { ProcessBaseline } from './process-baseline.ts'

export interface EngineResetOptions {
  /** `require` of cells; absent: they have no modules. */
  readonly require: NodeJS.Require | undefined
  readonly builtins: Builtins
  readonly preparer: CellPreparer
  readonly snapshots: () => NamespaceSnapshots
  /** Runs a function as caused by the execution. */
  readonly runAs: (execution: Execution, fn: () => void) => void
}

// cells may replace it
const scheduleImmediate = setImmediate

/** Makes the namespace, and as far as it can the process, what they were before the first cell. */
export class EngineReset {
  readonly #options: EngineResetOptions
  readonly #baseline: ProcessBaseline
  readonly #late = new LateExecutions()
  /** What is left to do of a reset, a turn later. */
  #rest: (() => void) | undefined
  #isDisposed = false

  constructor(options: EngineResetOptions) {
    this.#options = options
    const { require, builtins } = options
    this.#baseline = new ProcessBaseline({ require, builtins: () => builtins.values })
    this.#takeBaselineSoon()
  }

  /** To be called before anything of a cell runs. */
  begin({ isWarmup }: { isWarmup: boolean }): void {
    if (!isWarmup) this.#baseline.take()
  }

  imported(specifier: string): void {
    this.#baseline.imported(specifier)
  }

  /** What it left behind can be found. */
  settled(execution: Execution, { isWarmup }: { isWarmup: boolean }): void {
    execution.settled(this.#late)
    if (!isWarmup) return
    this.#baseline.forget()
    this.#takeBaselineSoon()
  }

  run({ critical, done }: ResetPorts): void {
    const { preparer, runAs } = this.#options
    preparer.era.isOver = true
    const rest = (): void => {
      // asked for again meanwhile
      if (this.#rest !== rest) return
      this.#rest = undefined
      critical(() => done(this.#empty()))
    }
    this.#rest = rest
    // behind what their code does about being stopped, as far as it does that at once
    scheduleImmediate(rest)
    // what their listeners do is their own
    this.#late.stopAll((execution) => runAs(execution, () => execution.stop()))
  }

  dispose(): void {
    this.#isDisposed = true
  }

  #empty(): ResetAnswer {
    const { snapshots, builtins, preparer } = this.#options
    try {
      const left: string[] = []
      const report = (name: string): void => {
        if (left.length < engineLimits.resetReport) defineProperty(left, left.length, listedDescriptor(name))
      }
      snapshots().clear(report)
      defineModule(builtins)
      this.#baseline.putBack(report)
      preparer.era = { isOver: false }
      return { kind: 'reset', left }
    } catch (error) {
      return { kind: 'failed', error: toWireError(error) }
    }
  }

  /** While nobody waits for this thread. */
  #takeBaselineSoon(): void {
    scheduleImmediate(() => {
      if (!this.#isDisposed) this.#baseline.take()
    })
  }
}
