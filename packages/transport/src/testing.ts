/** The contract suite that every transport passes; needs vitest. */
export {
  describeTransportContract,
  type TransportAbilities,
  type TransportPair,
} from './contract/describe-transport-contract.ts'
export { createRecordingReader, type RecordingReader } from './contract/recording-reader.ts'
