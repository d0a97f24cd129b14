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
]

/** What this release's host can make use of. */
export const hostFeatures: readonly Feature[] = all
/** What this release's worker can do; a worker without a control thread offers fewer. */
export const workerFeatures: readonly Feature[] = all
