/** One number of a run. */
export interface Measurement {
  /** What was measured, as `entry/contender/quantity`; targets name it. */
  readonly id: string
  readonly title: string
  readonly value: number
  readonly unit: string
  readonly samples: number
  readonly note?: string
}

export interface BenchSettings {
  /** Fewer rounds, for trying the harness out: the numbers mean little. */
  readonly isQuick: boolean
  /** Says what is going on, on stderr. */
  readonly log: (line: string) => void
}

/** A group of measurements that are taken in the same minutes, side by side. */
export interface BenchEntry {
  readonly name: string
  run(settings: BenchSettings): Promise<readonly Measurement[]>
}
