import type { Bench } from './bench.ts'
import type { NotTried } from './provider-contract.ts'

/** A check before it is bound to the provider it tries. */
export interface CheckDefinition {
  readonly name: string
  /** What the options leave out. */
  readonly skipped?: string | undefined
  run(this: void, bench: Bench): Verdict | Promise<Verdict>
}

/** Nothing when the rule is kept. */
export type Verdict = NotTried | undefined | void

interface Untried {
  readonly name: string
  readonly skipped: string
  /** Whether there is nothing to try, so that no sample is missing. @defaultValue there always is */
  readonly isVacuous?: (bench: Bench) => boolean
}

/** The checks that need a sample; without it, one that is skipped stands for them. */
export function withSample(
  isGiven: boolean,
  { name, skipped, isVacuous }: Untried,
  checks: readonly CheckDefinition[],
): readonly CheckDefinition[] {
  if (isGiven) return checks
  if (isVacuous === undefined) return [{ name, skipped, run: () => {} }]
  // only a provider tells; the options come before there is one
  return [{ name, run: (bench) => (isVacuous(bench) ? undefined : { skipped }) }]
}
