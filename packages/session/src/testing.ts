/** For tests of and over sessions: a worker whose every move is scripted. */
export {
  createScriptedWorker,
  type ScriptedProcess,
  type ScriptedWorker,
  type ScriptedWorkerOptions,
} from './scripted-worker.ts'
export { describeSessionContract, type SessionContractOptions } from './session-contract.ts'
