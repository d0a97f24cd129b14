/** The Capsule worker process, as the entry file that a host spawns. */
export { workerEntry } from './entry.ts'
