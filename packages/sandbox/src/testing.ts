/** The contract of isolation drivers, for drivers of one's own. Needs vitest. */
export { describeIsolationContract, type IsolationContractOptions } from './contract/describe-isolation-contract.ts'
