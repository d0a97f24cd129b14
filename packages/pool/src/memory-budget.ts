import type { PoolMember } from './pool-member.ts'

export interface MemoryLimits {
  readonly perSessionBytes: number
  readonly totalBytes: number
}

/** What is known of the members' memory, by their heartbeats. */
export class MemoryBudget {
  readonly #limits: MemoryLimits
  readonly #members: ReadonlySet<PoolMember>

  constructor(
    limits: MemoryLimits = { perSessionBytes: Infinity, totalBytes: Infinity },
    members: ReadonlySet<PoolMember>,
  ) {
    this.#limits = limits
    this.#members = members
  }

  get figures(): { readonly usedBytes: number; readonly unknown: number } {
    let usedBytes = 0
    let unknown = 0
    for (const { rssBytes } of this.#members) {
      if (rssBytes === undefined) unknown++
      else usedBytes += rssBytes
    }
    return { usedBytes, unknown }
  }

  isTooLarge({ rssBytes = 0 }: PoolMember): boolean {
    return rssBytes > this.#limits.perSessionBytes
  }

  /** Whether one more session fits, if it and those that have not told theirs are like the others; the first always does. */
  fitsOneMore(starting: number): boolean {
    const { totalBytes } = this.#limits
    if (totalBytes === Infinity || this.#members.size + starting === 0) return true
    const { usedBytes, unknown } = this.figures
    const known = this.#members.size - unknown
    const typicalBytes = known === 0 ? 0 : usedBytes / known
    return usedBytes + typicalBytes * (unknown + starting + 1) <= totalBytes
  }

  /** Which idle sessions to end, the largest first, until the rest fits. */
  evictable(idle: readonly PoolMember[]): readonly PoolMember[] {
    let excessBytes = this.figures.usedBytes - this.#limits.totalBytes
    if (excessBytes <= 0) return []
    // the first is always started, and would be as large again
    if (this.#members.size === 1 && idle.every(({ wasLeased }) => !wasLeased)) return []
    const largestFirst = idle.toSorted((a, b) => (b.rssBytes ?? 0) - (a.rssBytes ?? 0))
    return largestFirst.filter(({ rssBytes = 0 }) => {
      const isChosen = excessBytes > 0 && rssBytes > 0
      if (isChosen) excessBytes -= rssBytes
      return isChosen
    })
  }
}
