import { coreErrors } from '@capsule/core'
import type { BindingReport, CapturedNamespace, RestoreAnswer, RestoreMode } from '@capsule/protocol'
import type { Binding, Bindings } from '../bindings.ts'
import type { Builtins } from '../builtins.ts'
import type { CellFiles } from '../cell-files.ts'
import type { CellPreparer } from '../cell-preparer.ts'
import type { History } from '../history.ts'
import { globalProperty, lastingObstacle, withIntrinsics } from '../intrinsics.ts'
import { getPrototypeOf, ownKeys, thenOf } from '../primordials.ts'
import { compileScript } from '../script-cache.ts'
import { namespaceErrors } from '../errors.ts'
import { malformed } from './byte-source.ts'
import { captureSnapshot, type SnapshotBinding } from './capture-snapshot.ts'
import { FunctionSources } from './function-sources.ts'
import { GlobalNames } from './global-names.ts'
import { functionText, isModuleNamespaceObject, ownValue } from './natives.ts'
import { exportOf, ModuleExports, type ModulePath } from './module-exports.ts'
import { type ReadSnapshot, readSnapshot } from './read-snapshot.ts'
import { RestoreAttempt } from './restore-attempt.ts'
import { restoreSnapshot } from './restore-snapshot.ts'
import type { SnapshotBuilderOptions } from './snapshot-builder.ts'
import { UndoImage } from '../transaction/undo-image.ts'
import { WellKnown } from './well-known.ts'

export interface NamespaceParts {
  readonly bindings: Bindings
  readonly builtins: Builtins
  readonly history: History
  readonly preparer: CellPreparer
  readonly files: CellFiles
  /** `require` of cells. */
  readonly require: NodeJS.Require
}

type Loaded = SnapshotBuilderOptions['modules'][number]
type Load = { readonly value: unknown } | { readonly error: unknown }

// a cell may replace it
const runOptions = Object.freeze({ __proto__: null, displayErrors: false }) as object
const { stringify } = JSON
const { isExtensible } = Object

/** Takes snapshots of the namespace, and puts them back. */
export class NamespaceSnapshots {
  readonly sources = new FunctionSources()
  readonly #parts: NamespaceParts
  readonly #wellKnown = new WellKnown((value) => this.sources.find(functionText(value)) !== undefined)
  readonly #modules = new ModuleExports()
  readonly #names: GlobalNames
  /** Undoes a restore whose code was terminated. */
  #recovery: (() => void) | undefined
  #attempt: RestoreAttempt | undefined

  constructor(parts: NamespaceParts) {
    this.#parts = parts
    const { In, Out } = parts.history.lists
    this.#wellKnown.define('In', In)
    this.#wellKnown.define('Out', Out)
    this.#names = new GlobalNames({ ...parts, wellKnown: this.#wellKnown, sources: this.sources })
  }

  /** A module that a cell has imported. */
  imported(specifier: string, attributes: string, namespace: object): void {
    this.#modules.imported(specifier, attributes, namespace)
  }

  /** Reads only: no code of cells runs. @throws Error when a cell has made that impossible */
  capture({ limitBytes }: { limitBytes: number }): CapturedNamespace {
    assertNoObstacle()
    return withIntrinsics(() => {
      const { history, preparer, require } = this.#parts
      this.#wellKnown.refresh()
      this.#modules.refresh(require.cache)
      const { inputs, outputs, last } = history.contents
      const options = { sources: this.sources, wellKnown: this.#wellKnown, modules: this.#modules, limitBytes }
      const texts = inputs.filter((entry): entry is [number, string] => typeof entry[1] === 'string')
      return captureSnapshot(this.#bindings(), { cells: preparer.cells, inputs: texts, outputs, last }, options)
    })
  }

  /**
   * Runs code of the snapshot: imports, and what its classes run when they are defined. Calls back once, unless that code
   * is terminated or never ends.
   */
  restore(payload: Uint8Array, mode: RestoreMode, done: (answer: RestoreAnswer) => void): void {
    const attempt = new RestoreAttempt(done)
    this.#attempt = attempt
    attempt.guard(() => {
      assertNoObstacle()
      const snapshot = withIntrinsics(() => readSnapshot(payload))
      const paths = snapshot.index.modules
      const loads: Load[] = []
      const build = (): void =>
        attempt.guard(() => {
          const report = withIntrinsics(() => this.#build(snapshot, mode, loads))
          attempt.end({ kind: 'restored', report })
        })
      if (paths.length === 0) return build()
      let waiting = paths.length
      for (let index = 0; index < paths.length; index++) {
        const settled = (load: Load): void => {
          loads[index] = load
          if (--waiting === 0) build()
        }
        this.#load(paths[index] as ModulePath, settled)
      }
    })
  }

  /** Ends a restore whose code was terminated, or is being waited for. */
  abandonRestore(): void {
    this.begin()
    this.#attempt?.fail(coreErrors.CANCELLED({ what: 'the restore' }))
  }

  /** To be called before anything of a cell runs: what is global now is not of a cell, unless a restore was terminated half-way. */
  begin(): void {
    this.#wellKnown.begin()
    const undo = this.#recovery
    this.#recovery = undefined
    if (undo !== undefined) withIntrinsics(undo)
  }

  /** What the namespace is now, for a cell that may be undone. */
  undoImage(): UndoImage {
    return withIntrinsics(() => {
      const { bindings, history } = this.#parts
      const declared = new Map<string, Binding>()
      bindings.forEach((name, binding) => declared.set(name, binding))
      this.#wellKnown.refresh()
      this.#modules.refresh(this.#parts.require.cache)
      return new UndoImage(this.#namesOfCells(), {
        sources: this.sources,
        wellKnown: this.#wellKnown,
        modules: this.#modules,
        define: (name, property) => this.#names.putBack(name, property),
        remove: (name) => {
          if (typeof name === 'string') bindings.delete(name)
          return this.#names.remove(name)
        },
        redeclare: () => {
          for (const [name, binding] of declared) bindings.set(name, binding)
        },
        history: history.named,
        own: [history.lists.In, history.lists.Out],
      })
    })
  }

  rollBack(image: UndoImage): BindingReport[] {
    return withIntrinsics(() => image.rollBack(this.#namesOfCells()))
  }

  /** Takes all away that cells have defined, their history included, and names what cannot be. */
  clear(report: (name: string) => void): void {
    if (!isExtensible(globalThis)) throw namespaceErrors.GLOBAL_FIXED({})
    const obstacle = lastingObstacle()
    if (obstacle !== undefined) report(`the property ${obstacle} of all objects or arrays`)
    this.begin()
    withIntrinsics(() => {
      const { bindings, history, preparer } = this.#parts
      this.#wellKnown.readLazy()
      for (const { name, key } of this.#bindings()) {
        bindings.delete(name)
        if (!this.#names.remove(key ?? name)) report(`globalThis.${name}`)
      }
      history.replace({ inputs: [], outputs: [], last: [undefined, undefined, undefined] })
      preparer.cells = 0
      this.#names.putAllBack(report)
      const { In, Out } = history.lists
      if (!isUntouched(In) || !isUntouched(Out)) report('In and Out')
    })
  }

  #build(snapshot: ReadSnapshot, mode: RestoreMode, loads: readonly Load[]): BindingReport[] {
    this.#wellKnown.refresh()
    const modules = loads.map((load, index) => loadedOf(load, snapshot.index.modules[index] as ModulePath))
    return restoreSnapshot(snapshot, mode, {
      recovery: (undo) => (this.#recovery = undo),
      ...this.#parts,
      names: this.#names,
      builder: { wellKnown: this.#wellKnown, modules, evaluate: (code) => this.#evaluateSources(code) },
    })
  }

  #namesOfCells(): PropertyKey[] {
    return this.#bindings().map(({ name, key }) => key ?? name)
  }

  #bindings(): SnapshotBinding[] {
    const found: SnapshotBinding[] = []
    this.#parts.bindings.forEach((name, { kind, cell }) => {
      found.push({ name, kind, cell, value: globalProperty(name)?.value as unknown })
    })
    found.push(...this.#names.undeclared())
    return found
  }

  /** Runs code of modules: nothing here relies on what cells may have replaced. */
  #load({ specifier, how, attributes }: ModulePath, settled: (load: Load) => void): void {
    try {
      if (how === 'require') return settled({ value: this.#parts.require(specifier) as unknown })
      const options = attributes === '' ? '' : `,${attributes}`
      const loading = this.#evaluate(`import(${stringify(specifier)}${options})`) as Promise<object>
      const onLoaded = (namespace: object): void => {
        // `import()` gives a promise of a promise where a cell has taken `Promise.prototype.then` away
        if (!isModuleNamespaceObject(namespace)) return settled({ error: 'it is no module' })
        this.#modules.imported(specifier, attributes, namespace)
        settled({ value: namespace })
      }
      void thenOf(loading, onLoaded, (error) => settled({ error }))
    } catch (error) {
      settled({ error })
    }
  }

  /** What it makes can be captured again. */
  #evaluateSources(code: string): unknown {
    const made = this.#evaluate(code)
    this.sources.remember(code)
    return made
  }

  #evaluate(code: string): unknown {
    return compileScript(code, this.#parts.files.join('restored.js')).runInThisContext(runOptions)
  }
}

/** Of an emptied list. */
function isUntouched(list: object): boolean {
  return isExtensible(list) && ownKeys(list).length === 0 && getPrototypeOf(list) === Object.prototype
}

/** @throws MalformedSnapshot */
function assertNoObstacle(): void {
  const key = lastingObstacle()
  if (key !== undefined) throw malformed(`a cell has fixed the property ${key} of all objects or arrays`)
}

function loadedOf(load: Load, { specifier, keys }: ModulePath): Loaded {
  if ('error' in load) {
    const { error } = load
    const message = typeof error === 'object' && error !== null ? ownValue(error, 'message') : error
    const text = typeof message === 'string' ? message.slice(0, 200) : 'it threw'
    return { problem: { reason: 'import-failed', detail: `${specifier}: ${text}` } }
  }
  let { value } = load
  for (const key of keys) {
    value =
      (typeof value === 'object' && value !== null) || typeof value === 'function' ? exportOf(value, key) : undefined
  }
  if (value !== undefined) return { value }
  return { problem: { reason: 'import-failed', detail: `${specifier} has no export ${keys.join('.')}` } }
}
