import { median } from './statistics.ts'

/** What one contender did in each round: its median there. */
export type RoundMedians = ReadonlyMap<string, readonly number[]>

/**
 * Runs every contender in every round, in an order that rotates, so that a noisy minute or a warm cache hits all alike.
 * `measure` takes one round's samples.
 */
export async function alternate<Contender extends { readonly name: string }>(
  contenders: readonly Contender[],
  rounds: number,
  measure: (contender: Contender, round: number) => Promise<readonly number[]>,
): Promise<RoundMedians> {
  const medians = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const shift = round % contenders.length
    for (const contender of [...contenders.slice(shift), ...contenders.slice(0, shift)])
      medians.get(contender.name)!.push(median(await measure(contender, round)))
  }
  return medians
}

/** The median of the ratios within each round, which noise that lasts longer than a round can't move. */
export function ratioOf(medians: RoundMedians, name: string, baseline: string): number {
  const base = medians.get(baseline) ?? []
  return median((medians.get(name) ?? []).map((value, round) => value / base[round]!))
}

/** Milliseconds that an action takes. */
export async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await action()
  return performance.now() - startedMs
}
