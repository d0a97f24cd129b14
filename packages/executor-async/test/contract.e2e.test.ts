import { describeExecutorContract } from '@capsule/executor/testing'
import { createRemoteAsyncExecutor } from './remote-async-executor.ts'

describeExecutorContract('the async executor', {
  abilities: { preemptive: false, syncInput: false, concurrent: false },
  create: (creation) => createRemoteAsyncExecutor(creation),
})
