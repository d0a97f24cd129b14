/** For tests of and over sessions: a worker whose every move is scripted, and the contract suites. */
export {
  type CheckpointStoreContractOptions,
  describeCheckpointStoreContract,
  type StoreWishes,
} from './checkpoint/checkpoint-store-contract.ts'
export {
  createScriptedWorker,
  type ScriptedProcess,
  type ScriptedWorker,
  type ScriptedWorkerOptions,
} from './scripted-worker.ts'
export { describeSessionContract, type SessionContractOptions } from './session-contract.ts'
