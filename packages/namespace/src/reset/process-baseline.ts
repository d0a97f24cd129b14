import { EventEmitter } from 'node:events'
import { isBuiltin } from 'node:module'
import { ownModules } from '../compile/typescript.ts'
import { deleteProperty, is, ownKeys, SafeMap, SafeSet } from '../primordials.ts'
import { HolderFacts } from './holder-facts.ts'

// cells may replace these
const { env } = process
const cwd = process.cwd.bind(process)
const chdir = process.chdir.bind(process)
const activeTypes = process.getActiveResourcesInfo.bind(process)
const { prototype } = EventEmitter
const eventNames = prototype.eventNames.bind(process)
const listenerCount = prototype.listenerCount.bind(process)

export interface ProcessBaselineOptions {
  /** `require` of cells; absent: they have no modules. */
  readonly require: NodeJS.Require | undefined
  /** The engine's own globals. */
  readonly builtins: () => readonly (readonly [name: string, value: unknown])[]
}

interface Facts {
  readonly cwd: string
  readonly env: SafeMap<string, string>
  readonly listeners: SafeMap<PropertyKey, number>
  readonly resources: SafeMap<string, number>
  readonly required: SafeSet<PropertyKey>
  readonly imported: SafeSet<string>
  readonly holders: HolderFacts
}

/** The process as it was before the first cell that is no warm-up: what else than the namespace cells may have changed. */
export class ProcessBaseline {
  readonly #options: ProcessBaselineOptions
  readonly #imported = new SafeSet<string>()
  #facts: Facts | undefined

  constructor(options: ProcessBaselineOptions) {
    this.#options = options
  }

  /** A warm-up cell has run: what it did belongs to the start. */
  forget(): void {
    this.#facts = undefined
  }

  /** Takes about a millisecond: to be called while nobody waits, or at the latest before the first cell. */
  take(): void {
    if (this.#facts !== undefined) return
    const imported = new SafeSet<string>()
    this.#imported.forEach((specifier) => imported.add(specifier))
    this.#facts = {
      cwd: cwd(),
      env: environment(),
      listeners: listeners(),
      resources: activeResources(),
      required: this.#required(),
      imported,
      holders: new HolderFacts(this.#holders()),
    }
  }

  /** A cell has imported it. */
  imported(specifier: string): void {
    this.#imported.add(specifier)
  }

  /** Puts working directory and environment back, and names what it cannot put back. Relies on nothing that cells can change. */
  putBack(report: (name: string) => void): void {
    const facts = this.#facts
    if (facts === undefined) return report('the process, of which no baseline was taken')
    putDirectoryBack(facts.cwd, report)
    putEnvironmentBack(facts.env)
    reportMore(listeners(), facts.listeners, (name) => report(`listeners of process for '${String(name)}'`))
    reportMore(activeResources(), facts.resources, (name) => report(`what is open in Node: ${String(name)}`))
    this.#required().forEach((name) => {
      if (!facts.required.has(name) && !ownModules.has(name)) report(`the module ${String(name)}`)
    })
    this.#imported.forEach((specifier) => {
      if (!facts.imported.has(specifier) && !isBuiltin(specifier)) report(`the module ${specifier}`)
    })
    facts.holders.changed(report)
  }

  #required(): SafeSet<PropertyKey> {
    const found = new SafeSet<PropertyKey>()
    const cache = this.#options.require?.cache
    if (cache !== undefined) for (const key of ownKeys(cache)) found.add(key)
    return found
  }

  #holders(): { name: string; object: object }[] {
    return this.#options.builtins().flatMap(([name, value]) => {
      const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
      return isObject ? [{ name, object: value }] : []
    })
  }
}

function environment(): SafeMap<string, string> {
  const found = new SafeMap<string, string>()
  for (const name of ownKeys(env)) found.set(name as string, env[name as string] ?? '')
  return found
}

function putEnvironmentBack(before: SafeMap<string, string>): void {
  const names = ownKeys(env)
  for (let index = 0; index < names.length; index++) {
    if (!before.has(names[index] as string)) deleteProperty(env, names[index] as string)
  }
  before.forEach((value, name) => {
    if (!is(env[name], value)) env[name] = value
  })
}

function putDirectoryBack(before: string, report: (name: string) => void): void {
  try {
    if (cwd() !== before) chdir(before)
  } catch {
    report('the working directory')
  }
}

function listeners(): SafeMap<PropertyKey, number> {
  const found = new SafeMap<PropertyKey, number>()
  const names = eventNames()
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string | symbol
    found.set(name, listenerCount(name))
  }
  return found
}

/** By type: sockets, servers, children, timers of `node:timers`; not those that were told not to keep the process alive. */
function activeResources(): SafeMap<string, number> {
  const found = new SafeMap<string, number>()
  const types = activeTypes()
  for (let index = 0; index < types.length; index++) {
    // the engine's own
    if (types[index] === 'Immediate') continue
    const type = types[index] as string
    found.set(type, (found.get(type) ?? 0) + 1)
  }
  return found
}

function reportMore<K>(now: SafeMap<K, number>, before: SafeMap<K, number>, report: (key: K) => void): void {
  now.forEach((count, key) => {
    if (count > (before.get(key) ?? 0)) report(key)
  })
}
