/** createCapsule(): persistent, process-isolated sessions that run JavaScript and TypeScript cells. */
export type { Capsule, CapsuleInfo, CapsuleOptions, CapsuleSessionOptions, IsolationLevel } from './capsule.ts'
export { createCapsule } from './create-capsule.ts'
export { hostErrors } from './errors.ts'
export { tokens, type WorkerLaunch } from './tokens.ts'
