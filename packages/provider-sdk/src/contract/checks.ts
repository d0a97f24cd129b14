import type { Bench } from './bench.ts'

/** A check before it is bound to the provider it tries. */
export interface CheckDefinition {
  readonly name: string
  /** What the options leave out. */
  readonly skipped?: string | undefined
  run(bench: Bench): void | Promise<void>
}

/** The checks that need a sample; without it, one that is skipped stands for them. */
export function withSample(
  isGiven: boolean,
  { name, skipped }: { readonly name: string; readonly skipped: string },
  checks: readonly CheckDefinition[],
): readonly CheckDefinition[] {
  return isGiven ? checks : [{ name, skipped, run: () => {} }]
}
