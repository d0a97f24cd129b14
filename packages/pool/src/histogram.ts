import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Histogram } from './pool-info.ts'

// it takes whole numbers from 1 on
const unitsPerMs = 1000
const none: Histogram = { count: 0, meanMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 }

/** Times in milliseconds, to the microsecond. */
export class LatencyHistogram {
  readonly #histogram: RecordableHistogram = createHistogram()

  record(durationMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(durationMs * unitsPerMs)))
  }

  info(): Histogram {
    const histogram = this.#histogram
    if (histogram.count === 0) return none
    const percentile = (percent: number): number => histogram.percentile(percent) / unitsPerMs
    return {
      count: histogram.count,
      meanMs: histogram.mean / unitsPerMs,
      p50Ms: percentile(50),
      p95Ms: percentile(95),
      p99Ms: percentile(99),
      maxMs: histogram.max / unitsPerMs,
    }
  }
}
