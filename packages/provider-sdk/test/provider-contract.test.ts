import { describeProviderContract } from '@capsule/provider-sdk/testing'
import { contractOf } from './fixtures/hand-written.ts'

describeProviderContract(contractOf())
