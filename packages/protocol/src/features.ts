/** What can be agreed on beyond the base protocol; a name that the other side does not offer is simply not used. */
export type Feature =
  | 'output-credit'
  | 'preemptive-cancel'
  | 'sync-input'
  | 'heartbeat'
  | 'inspect'
  | 'display'
  | 'progress'
  | 'streams'
  | 'checkpoint'
  | 'transactions'
  | 'concurrency'
  | 'capabilities'
  | 'reset'

const all: readonly Feature[] = [
  'output-credit',
  'preemptive-cancel',
  'sync-input',
  'heartbeat',
  'inspect',
  'display',
  'progress',
  'streams',
  'checkpoint',
  'transactions',
  'concurrency',
  'capabilities',
  'reset',
]

/** What this release's host can make use of. */
export const hostFeatures: readonly Feature[] = all
/** What this release's worker can do; it offers fewer without a control thread, and `concurrency` only when asked for it. */
export const workerFeatures: readonly Feature[] = all
