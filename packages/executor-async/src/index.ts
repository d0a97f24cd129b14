/** Runs cells on the current event loop, with cooperative cancel. */
export { type AsyncExecutor, type AsyncExecutorOptions, createAsyncExecutor } from './async-executor.ts'
export {
  createStandaloneAsyncExecutor,
  type StandaloneAsyncExecutor,
  type StandaloneAsyncExecutorOptions,
} from './standalone-async-executor.ts'
