import type {
  CapturedNamespace,
  CellLanguage,
  CellMode,
  InspectAnswer,
  InspectQuery,
  ResetAnswer,
  RestoreAnswer,
  RestoreMode,
  TransactionMode,
  TransactionReport,
  WireError,
} from '@capsule/protocol'

/** One cell to run. */
export interface CellRequest {
  readonly executionId: string
  readonly code: string
  readonly filename?: string | undefined
  readonly language?: CellLanguage | undefined
  /** @defaultValue true */
  readonly storeHistory?: boolean | undefined
  /** @defaultValue 'commit-always', without a report */
  readonly transaction?: TransactionMode | undefined
  /** It belongs to the start: what it does to the process is nothing that a reset finds left. @defaultValue false */
  readonly warmup?: true | undefined
}

export interface ResetPorts {
  /** Runs code that may not be terminated in the middle. */
  readonly critical: (fn: () => void) => void
  readonly done: (answer: ResetAnswer) => void
}

/** What compiling told, before anything runs. */
export interface PreparedCell {
  readonly request: CellRequest
  /** The number in `In` and `Out`; 0 without history. */
  readonly cell: number
  readonly mode: CellMode
}

/** How a cell ended, already turned into text and bytes (in the cancellable phase, within the budget). */
export type Completion =
  | {
      readonly kind: 'value'
      readonly text: string
      readonly value?: Uint8Array | undefined
      readonly truncated: boolean
    }
  /** `cancelled`: the error is the engine's own CANCELLED or TIMED_OUT that left the cell after `cancel`. */
  | { readonly kind: 'throw'; readonly error: WireError; readonly cancelled: boolean }

export interface EngineOptions {
  /** Where imports and `require` of cells resolve from, and the folder of cell filenames. @defaultValue process.cwd() */
  readonly cwd?: string
  /** Whether cells may import, and have `require`. @defaultValue true */
  readonly modules?: boolean | undefined
  readonly valueBytes?: number
  readonly valueDepth?: number
  readonly textLength?: number
  /** More members of the cells' `capsule`. */
  readonly members?: Readonly<Record<string, unknown>>
  /**
   * An uncaught exception or unhandled rejection that the execution named caused (undefined: nothing known caused it).
   * Called for errors while it runs and after it settled.
   */
  readonly onUncaught?: (executionId: string | undefined, error: WireError) => void
  /**
   * Shows a completion value that has a method `Symbol.for('Jupyter.display')`, before the completion is told. A promise
   * is waited for, as the cell's own awaits are. What it throws or rejects with is reported to `onUncaught`.
   */
  readonly onDisplayable?: (value: unknown) => Promise<void> | undefined
}

/** The cells' engine: compiles, runs and encodes, over one namespace in the current realm and on the current thread. */
export interface Engine extends Disposable {
  /**
   * Compiles a cell and gives it its number; nothing of it runs yet.
   * A syntax error is not thrown here: `start` completes with it, so that every cell ends the same way.
   */
  prepare(request: CellRequest): PreparedCell
  /**
   * Runs the cell. `settled` is called exactly once, maybe before `start` returns, unless the code is terminated from
   * another thread (then it may never be called and the executor calls `finish` on its own).
   */
  start(prepared: PreparedCell, settled: (completion: Completion) => void): void
  /**
   * Cooperative cancel: `capsule.signal` of that execution aborts, its guarded awaits and `onCancel` listeners reject with
   * CANCELLED or TIMED_OUT, each further guarded await throws. Idempotent.
   */
  cancel(executionId: string, reason: 'cancelled' | 'timed-out'): void
  /** Registers what else to reject on cancel (an open `input()`); returns the way to unregister. */
  onCancel(executionId: string, listener: (error: Error) => void): () => void
  /**
   * After the executor has taken the completion (or terminated the code): history is kept, the cell is no longer running.
   * A transaction ends here, and its report is returned.
   */
  finish(executionId: string): TransactionReport | undefined
  /** The execution that caused the code running now, also in timers and after it settled. */
  currentExecutionId(): string | undefined
  /** Runs a function as caused by that execution. */
  runAs<T>(executionId: string, fn: () => T): T
  inspect(query: InspectQuery): InspectAnswer
  /** Writes down the namespace and its history. Runs no code of cells. */
  capture(options: { readonly limitBytes: number }): CapturedNamespace
  /**
   * Puts a captured namespace in the place of this one, or over it. That runs imports, and what classes run when they are
   * defined: `done` is called once, unless such code is terminated or never ends.
   */
  restore(payload: Uint8Array, mode: RestoreMode, done: (answer: RestoreAnswer) => void): void
  /** Ends a restore whose code was terminated, or is still being waited for; the namespace is as it was. */
  abandonRestore(): void
  /**
   * When no cell runs: stops what settled ones have pending, which runs their `catch` and `finally`, and a turn later empties
   * the namespace. `done` is called once, unless that code is terminated or never ends; the next call takes the place of one
   * that is not done.
   */
  reset(ports: ResetPorts): void
  /** Defines a global that cells may shadow but that is not listed as a binding (`input`, `prompt`). */
  defineBuiltin(name: string, value: unknown): void
  /** Takes one away that cells have not replaced. */
  removeBuiltin(name: string): void
  readonly counters: EngineCounters
}

export interface EngineCounters {
  readonly bindings: number
  readonly cells: number
  readonly analysisCache: CacheCounters
  readonly codeCache: CacheCounters
}

export interface CacheCounters {
  readonly entries: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}
