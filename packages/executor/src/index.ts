/** The Executor contract and the output pump of a Capsule worker. */
export type { Executor, ExecutorAbilities, ExecutorMessage, ExecutorSink, ExecutorStats } from './executor.ts'
