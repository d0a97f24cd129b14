/** Compiles and runs JavaScript and TypeScript cells with REPL semantics in one persistent namespace. */
export { createEngine } from './create-engine.ts'
export type { MimeBundle } from './display/mime-bundle.ts'
export { displayRenderers } from './display/render.ts'
export type {
  CacheCounters,
  CellRequest,
  Completion,
  Engine,
  EngineCounters,
  EngineOptions,
  PreparedCell,
} from './engine.ts'
export { namespaceErrors } from './errors.ts'
export { toWireError, type WireErrorContext } from './to-wire-error.ts'
