import type { Executor } from '@capsule/executor'

/** Whether this executor can do what both sides have agreed on. */
export function featureHolds(feature: string, { abilities }: Executor): boolean {
  switch (feature) {
    case 'preemptive-cancel':
    case 'output-credit':
      return abilities.preemptive
    case 'sync-input':
      return abilities.syncInput
    // as with the others: whether this worker does it, not whether one could
    case 'concurrency':
      return abilities.concurrent
    default:
      return true
  }
}
