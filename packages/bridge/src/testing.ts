/** Contract suites for what others implement. */
export {
  describeExecutionDistributorContract,
  type DistributorContractOptions,
  type DistributorPair,
} from './distribution/distributor-contract.ts'
