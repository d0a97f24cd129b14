/** Executions across hosts over a Restate server. Needs `@restatedev/restate-sdk` and `@restatedev/restate-sdk-clients`. */
export { createRestateDistributor } from './distribution/restate/restate-distributor.ts'
export type { RestateDistributorOptions, RestateEndpointOptions } from './distribution/restate/restate-options.ts'
