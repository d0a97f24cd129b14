/* oxlint-disable max-lines -- one state machine: every way into and out of a cell's run is read together */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Script } from 'node:vm'
import {
  type CapturedNamespace,
  defaultWorkerSettings,
  type InspectAnswer,
  type InspectQuery,
  type RestoreAnswer,
  type RestoreMode,
  type TransactionReport,
} from '@capsule/protocol'
import { Bindings, makeRoom, valuesOf } from './bindings.ts'
import { Builtins, defineCellBuiltins } from './builtins.ts'
import { CellFiles } from './cell-files.ts'
import { trackTimers } from './cell-timers.ts'
import { createCellRuntime } from './cell-runtime.ts'
import { CellPreparer } from './cell-preparer.ts'
import { runtimeName } from './compile/compile.ts'
import { displayHookOf } from './display/display-hook.ts'
import type {
  CellRequest,
  Completion,
  Engine,
  EngineCounters,
  EngineOptions,
  PreparedCell,
  ResetPorts,
} from './engine.ts'
import { budgetOf, encodeQuietly } from './encode-quietly.ts'
import { namespaceErrors } from './errors.ts'
import { Execution } from './execution.ts'
import { History } from './history.ts'
import { answerQuery } from './inspect/answer-query.ts'
import { catchLateErrors } from './late-errors.ts'
import { defineProperty, deleteProperty, hasOwn, SafeMap, thenOf } from './primordials.ts'
import { EngineReset } from './reset/engine-reset.ts'
import type { RunningCell } from './running-cell.ts'
import { NamespaceSnapshots } from './snapshot/namespace-snapshots.ts'
import { toWireError, type WireErrorContext } from './to-wire-error.ts'
import { textOf } from './value-text.ts'
import { withholdModules } from './withhold-modules.ts'

/**
 * Starts the engine of this realm: globals for cells appear on `globalThis`, and late errors of the process are its own.
 * @throws ENGINE_EXISTS
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new CellEngine(options)
}

const scheduleImmediate = setImmediate
const ignore = (): void => {}
// a cell's own errors are read by toWireError; V8 need not decorate them as well
const runOptions = Object.freeze({ __proto__: null, displayErrors: false }) as object

/**
 * Another thread may terminate the code of a cell at any moment: frames unwind without `catch` or `finally`, and all
 * microtasks are gone. So nothing here awaits, no state is restored on the way out of a cell, and `finish` leaves the
 * engine consistent from wherever the cell was left.
 */
class CellEngine implements Engine {
  readonly #options: EngineOptions
  readonly #storage = new AsyncLocalStorage<Execution>()
  readonly #running = new SafeMap<string, RunningCell>()
  readonly #bindings = new Bindings()
  readonly #builtins = new Builtins((name) => this.#bindings.find(name) !== undefined)
  readonly #history: History
  readonly #preparer: CellPreparer
  readonly #snapshots: NamespaceSnapshots
  readonly #reset: EngineReset
  readonly #errorContext: WireErrorContext
  readonly #stopCatching: () => void
  readonly #stopTracking: () => void
  #giveModulesBack: (() => void) | undefined
  #cells = 0
  #isDisposed = false

  constructor(options: EngineOptions) {
    if (hasOwn(globalThis, runtimeName)) throw namespaceErrors.ENGINE_EXISTS({ name: runtimeName })
    const cwd = options.cwd ?? process.cwd()
    const current = (): Execution | undefined => this.#storage.getStore()
    const files = new CellFiles(cwd)
    this.#options = options
    this.#errorContext = { find: (filename) => files.find(filename), ...budgetOf(options) }
    this.#preparer = new CellPreparer(files, (name) => this.#isConst(name))
    const hasModules = options.modules !== false
    const onLoaded = (specifier: string, attributes: string, namespace: object): void => {
      this.#snapshots.imported(specifier, attributes, namespace)
      this.#reset.imported(specifier)
    }
    defineProperty(globalThis, runtimeName, {
      __proto__: null,
      value: createCellRuntime(current, onLoaded, hasModules),
      configurable: true,
    } as object)
    const require = createRequire(join(cwd, '[cells]'))
    defineCellBuiltins(this.#builtins, { cwd, current, members: options.members, ...(hasModules && { require }) })
    this.#history = new History()
    this.#stopTracking = trackTimers(current)
    if (!hasModules) this.#giveModulesBack = withholdModules()
    this.#stopCatching = catchLateErrors((error) => this.#reportLate(error))
    this.#reset = new EngineReset({
      require: hasModules ? require : undefined,
      builtins: this.#builtins,
      preparer: this.#preparer,
      snapshots: () => this.#snapshots,
      runAs: (execution, fn) => this.#storage.run(execution, fn),
    })
    this.#snapshots = new NamespaceSnapshots({
      bindings: this.#bindings,
      builtins: this.#builtins,
      history: this.#history,
      preparer: this.#preparer,
      files,
      require,
    })
  }

  get counters(): EngineCounters {
    return {
      bindings: this.#bindings.size,
      cells: this.#cells,
      analysisCache: this.#preparer.analysisCounters,
      codeCache: this.#preparer.codeCounters,
    }
  }

  prepare(request: CellRequest): PreparedCell {
    if (this.#isDisposed) throw namespaceErrors.ENGINE_DISPOSED({ executionId: request.executionId })
    this.#snapshots.begin()
    this.#reset.begin({ isWarmup: request.warmup === true })
    // what cells that still run have defined so far counts for this one
    this.#running.forEach((cell) => this.#adopt(cell))
    const { execution, preparation, mode } = this.#preparer.prepare(request)
    this.#cells++
    if (execution.cell > 0) this.#history.open(execution.cell, request.code)
    this.#running.set(request.executionId, {
      execution,
      preparation,
      state: 'prepared',
      isWarmup: request.warmup === true,
      transaction: request.transaction,
      undo: undefined,
      before: [],
      value: undefined,
    })
    return { request, cell: execution.cell, mode }
  }

  start(prepared: PreparedCell, settled: (completion: Completion) => void): void {
    const { executionId } = prepared.request
    const cell = this.#running.get(executionId)
    if (cell?.state !== 'prepared') throw namespaceErrors.UNKNOWN_EXECUTION({ executionId })
    const { preparation } = cell
    if (preparation.kind === 'failed') {
      cell.state = 'failed'
      settled({ kind: 'throw', error: preparation.error, cancelled: false })
      return
    }
    const { declarations, hasFunctions, code } = preparation.compiled
    if (hasFunctions) this.#snapshots.sources.remember(code)
    if (cell.transaction !== undefined && cell.transaction !== 'commit-always') {
      // what cells that still run have defined so far was there before this one
      this.#running.forEach((other) => other !== cell && this.#adopt(other))
      cell.undo = this.#snapshots.undoImage()
    }
    makeRoom(declarations)
    cell.before = valuesOf(declarations)
    cell.state = 'started'
    const completion = this.#storage.run(cell.execution, () => this.#run(cell, preparation.script, settled))
    if (completion !== undefined) settled(completion)
  }

  /** @returns undefined when the cell goes on asynchronously */
  #run(cell: RunningCell, script: Script, settled: (completion: Completion) => void): Completion | undefined {
    try {
      const result: unknown = script.runInThisContext(runOptions)
      const end = (completed: () => Completion): void => {
        // terminated and finished: nobody waits for it any more
        if (this.#running.get(cell.execution.id) !== cell) return
        // the executor's code behind `settled` is not caused by the cell
        this.#storage.run(undefined as never, settled, completed())
      }
      const fail = (error: unknown): void => end(() => this.#failed(cell, error))
      const complete = (value: unknown): Completion | undefined => {
        const shown = this.#show(cell, value)
        if (shown === undefined) return this.#completed(cell, value)
        void thenOf(shown, () => end(() => this.#completed(cell, value)), fail)
        return undefined
      }
      if (cell.preparation.kind === 'ready' && !cell.preparation.compiled.isAsync) return complete(result)
      const onValue = ({ v }: { v: unknown }): void => {
        if (this.#running.get(cell.execution.id) !== cell) return
        const completion = complete(v)
        if (completion !== undefined) end(() => completion)
      }
      void thenOf(result as Promise<{ v: unknown }>, onValue, fail)
      return undefined
    } catch (error) {
      return this.#failed(cell, error)
    }
  }

  /** Shows a value that says how it is shown; the promise rejects when the execution is cancelled meanwhile. */
  #show({ execution }: RunningCell, value: unknown): Promise<unknown> | undefined {
    const { onDisplayable } = this.#options
    if (onDisplayable === undefined) return undefined
    try {
      if (displayHookOf(value) === undefined) return undefined
      const shown = onDisplayable(value)
      return shown && execution.guard(thenOf(shown, ignore, (error) => this.#reportLate(error)))
    } catch (error) {
      this.#reportLate(error)
      return undefined
    }
  }

  #completed(cell: RunningCell, value: unknown): Completion {
    const { text, truncated } = textOf(value, this.#options.textLength ?? defaultWorkerSettings.textLength)
    const encoded = encodeQuietly(value, budgetOf(this.#options))
    cell.value = value
    cell.state = 'completed'
    return { kind: 'value', text, value: encoded?.bytes, truncated: truncated || encoded?.truncated === true }
  }

  #failed(cell: RunningCell, error: unknown): Completion {
    const wire = toWireError(error, this.#errorContext)
    cell.state = 'failed'
    const { cancellation } = cell.execution
    return { kind: 'throw', error: wire, cancelled: cancellation !== undefined && error === cancellation }
  }

  cancel(executionId: string, reason: 'cancelled' | 'timed-out'): void {
    const execution = this.#running.get(executionId)?.execution
    if (execution !== undefined) this.#storage.run(execution, () => execution.cancel(reason))
  }

  onCancel(executionId: string, listener: (error: Error) => void): () => void {
    return this.#executionOf(executionId).onCancel(listener)
  }

  finish(executionId: string): TransactionReport | undefined {
    const cell = this.#running.get(executionId)
    if (cell === undefined) return undefined
    this.#adopt(cell)
    const transaction = this.#endTransaction(cell)
    this.#running.delete(executionId)
    this.#reset.settled(cell.execution, cell)
    const isUndone = transaction?.action === 'rolled-back'
    if (cell.execution.cell > 0) this.#history.close(cell.execution.cell, isUndone ? undefined : cell.value)
    if (cell.state === 'started') {
      // terminated: nothing restored what caused the code that runs now, and its signal may not have aborted
      this.#storage.enterWith(undefined as never)
      cell.execution.end()
      // what its listeners print is its own
      scheduleImmediate(() => this.#storage.run(cell.execution, () => cell.execution.cancel('cancelled')))
    } else if (cell.execution.cancellation !== undefined) cell.execution.end()
    return transaction
  }

  #endTransaction({ transaction, undo, state }: RunningCell): TransactionReport | undefined {
    if (transaction === undefined) return undefined
    const isUndone =
      transaction === 'rollback-always' || (transaction === 'rollback-on-failure' && state !== 'completed')
    if (!isUndone) return { action: 'committed', report: [] }
    // a cell that cannot be compiled has changed nothing
    return { action: 'rolled-back', report: undo === undefined ? [] : this.#snapshots.rollBack(undo) }
  }

  currentExecutionId(): string | undefined {
    return this.#storage.getStore()?.id
  }

  runAs<T>(executionId: string, fn: () => T): T {
    return this.#storage.run(this.#executionOf(executionId), fn)
  }

  inspect(query: InspectQuery): InspectAnswer {
    try {
      return answerQuery(query, { bindings: this.#bindings, parse: (code) => this.#preparer.check(code) })
    } catch (error) {
      return { what: 'failure', error: toWireError(error, this.#errorContext) }
    }
  }

  capture(options: { limitBytes: number }): CapturedNamespace {
    this.#snapshots.begin()
    // what cells that still run have defined so far counts
    this.#running.forEach((cell) => this.#adopt(cell))
    return this.#snapshots.capture(options)
  }

  restore(payload: Uint8Array, mode: RestoreMode, done: (answer: RestoreAnswer) => void): void {
    this.#snapshots.begin()
    this.#snapshots.restore(payload, mode, done)
  }

  abandonRestore(): void {
    this.#snapshots.abandonRestore()
  }

  reset(ports: ResetPorts): void {
    this.#reset.run(ports)
  }

  defineBuiltin(name: string, value: unknown): void {
    this.#builtins.define(name, value)
  }

  removeBuiltin(name: string): void {
    this.#builtins.undefine(name)
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#reset.dispose()
    this.#stopCatching()
    this.#stopTracking()
    this.#giveModulesBack?.()
    this.#history.uninstall()
    this.#builtins.remove()
    deleteProperty(globalThis, runtimeName)
  }

  #executionOf(executionId: string): Execution {
    const running = this.#running.get(executionId)?.execution ?? this.#storage.getStore()
    // late code of a settled cell: only its id is needed
    return running?.id === executionId ? running : new Execution(executionId, 0, '', this.#preparer.era)
  }

  #adopt({ execution, preparation, state, before }: RunningCell): void {
    if (preparation.kind === 'failed' || state === 'prepared') return
    this.#bindings.adopt(preparation.compiled.declarations, execution.cell, before, {
      isComplete: state === 'completed',
    })
  }

  #isConst(name: string): boolean {
    const kind = this.#bindings.find(name)?.kind
    return kind === 'const' || kind === 'import'
  }

  #reportLate(error: unknown): void {
    const execution = this.#storage.getStore()
    // a promise that nobody waits for any more rejects on cancel: that is meant
    if (execution?.cancellation !== undefined && error === execution.cancellation) return
    this.#options.onUncaught?.(execution?.id, toWireError(error, this.#errorContext))
  }
}
