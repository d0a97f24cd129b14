/** Contract suites for what others implement. */
export { describeDurablePromiseStoreContract } from './stores/contract/describe-durable-promise-store-contract.ts'
export { createDurablePromiseStoreChecks } from './stores/contract/store-checks.ts'
export type { DurablePromiseStoreContractOptions, StoreCheck, StoreWishes } from './stores/contract/store-contract.ts'
