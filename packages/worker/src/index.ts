/** The Capsule worker process, as the entry file that a host spawns. */
export { workerArgv, type WorkerArgvOptions, type WorkerExecutor, type WorkerProgram, workerProgram } from './argv.ts'
export { workerEntry } from './entry.ts'
