/** Executions across hosts over a Resonate server. */
export { createResonateDistributor } from './distribution/resonate/resonate-distributor.ts'
export type { ResonateDistributorOptions } from './distribution/resonate/resonate-options.ts'
