import { sessionErrors } from './errors.ts'
import { deathError, type WorkerDeath } from './exit-meaning.ts'
import type { Outcome } from './outcome.ts'
import type { WarmupCell, WarmupReport } from './warmup-cell.ts'

export interface WarmUpPorts {
  /** Runs one cell on the worker that is not ready yet. */
  readonly run: (code: string) => Promise<Outcome>
  /** How the worker ended; `undefined` while it lives. */
  readonly death: () => WorkerDeath | undefined
}

/** The cells that each worker runs before it is used, and what they did in the present one. */
export class WarmUp {
  readonly #cells: readonly WarmupCell[]
  #report: WarmupReport[] = []

  constructor(cells: readonly WarmupCell[]) {
    this.#cells = cells
  }

  /** `undefined`: there is nothing to run. */
  get report(): readonly WarmupReport[] | undefined {
    return this.#cells.length === 0 ? undefined : [...this.#report]
  }

  /** The worker, or its namespace, is a fresh one. */
  forget(): void {
    this.#report = []
  }

  /** @throws WARMUP_FAILED, and why the worker ended */
  async run({ run, death }: WarmUpPorts): Promise<void> {
    this.forget()
    const report = this.#report
    for (const [index, { code, label = `warm-up cell ${index}`, isOptional = false }] of this.#cells.entries()) {
      const died = death()
      if (died !== undefined) throw deathError(died)
      const outcome = await run(code)
      const { status, durationMs, error, state } = outcome
      report.push({ label, status, durationMs, ...(error !== undefined && { error }) })
      // what the next cell would run in is gone
      if (status !== 'ok' && (!isOptional || state === 'lost')) throw sessionErrors.WARMUP_FAILED({ index, outcome })
    }
  }
}
