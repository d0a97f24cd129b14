import { describeExecutionDistributorContract } from './distributor-contract.ts'
import { createLocalDistributor } from './local-distributor.ts'

describeExecutionDistributorContract('local', {
  open: (options) => {
    const distributor = createLocalDistributor(options)
    return Promise.resolve({ dispatcher: distributor, worker: distributor })
  },
})
