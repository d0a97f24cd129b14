/** Compiles and runs JavaScript and TypeScript cells with REPL semantics in one persistent namespace. */
export type { CacheCounters, CellRequest, Completion, Engine, EngineCounters, EngineOptions, PreparedCell } from './engine.ts'
