/** What a call passes before it runs: so many at once. */
export interface Gate {
  limit: number
  running: number
}

interface Waiting {
  readonly order: number
  readonly admit: () => void
}

/** Calls that wait for the same gates, oldest first. */
interface Lane {
  readonly gates: readonly Gate[]
  readonly waiting: Set<Waiting>
}

/**
 * First come, first served among the calls that wait for the same gates; those that wait for other ones are not held up.
 * Of several that could go, the oldest goes.
 */
export class Turns {
  readonly #lanes = new Map<string, Lane>()
  #nextOrder = 0
  #waiting = 0

  get waiting(): number {
    return this.#waiting
  }

  /** Passes if every gate is free and nobody waits. */
  tryEnter(gates: readonly Gate[]): boolean {
    if (this.#waiting > 0 || !isFree(gates)) return false
    for (const gate of gates) gate.running++
    return true
  }

  /**
   * Calls `admit` when it is the caller's turn, maybe at once. The result leaves the line. `lane` is the same for calls with
   * the same gates.
   */
  enter(lane: string, gates: readonly Gate[], admit: () => void): () => void {
    let entry = this.#lanes.get(lane)
    if (entry === undefined) this.#lanes.set(lane, (entry = { gates, waiting: new Set() }))
    const waiting = { order: this.#nextOrder++, admit }
    entry.waiting.add(waiting)
    this.#waiting++
    this.serve()
    return () => {
      if (!entry.waiting.delete(waiting)) return
      this.#waiting--
      if (entry.waiting.size === 0) this.#lanes.delete(lane)
    }
  }

  leave(gates: readonly Gate[]): void {
    for (const gate of gates) gate.running--
    if (this.#waiting > 0) this.serve()
  }

  /** Lets in whoever can go; to be called when a gate has become wider. */
  serve(): void {
    for (let next = this.#findNext(); next !== undefined; next = this.#findNext()) {
      const { name, lane, first } = next
      lane.waiting.delete(first)
      this.#waiting--
      if (lane.waiting.size === 0) this.#lanes.delete(name)
      for (const gate of lane.gates) gate.running++
      first.admit()
    }
  }

  #findNext(): { name: string; lane: Lane; first: Waiting } | undefined {
    let next: { name: string; lane: Lane; first: Waiting } | undefined
    for (const [name, lane] of this.#lanes) {
      const [first] = lane.waiting
      if (first === undefined || !isFree(lane.gates)) continue
      if (next === undefined || first.order < next.first.order) next = { name, lane, first }
    }
    return next
  }
}

function isFree(gates: readonly Gate[]): boolean {
  for (const gate of gates) if (gate.running >= gate.limit) return false
  return true
}
