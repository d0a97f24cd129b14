/** Runs cells on the main thread under a control thread: preemptive cancel and synchronous input. */
export { createThreadedExecutor } from './control-side.ts'
export { beforeReallyExit, releaseExit } from './exit-flush.ts'
export { createSharedMemory, openSharedMemory, type SharedMemory, type SharedState } from './shared-state.ts'
export { createMainThreadTerminator, type MainThreadTerminator, type Terminator } from './terminator.ts'
export { startUserSide, type UserSideOptions } from './user-side.ts'
export type { ThreadedExecutor, ThreadedExecutorOptions } from './threaded-executor.ts'
