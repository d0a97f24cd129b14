import { constants, Script } from 'node:vm'
import type { CacheCounters } from './engine.ts'
import { engineLimits } from './engine-limits.ts'
import { SafeMap } from './primordials.ts'

/** Compiled scripts by key, the least recently used one leaves first. */
export class ScriptCache {
  readonly #scripts = new SafeMap<string, Script>()
  #hits = 0
  #misses = 0
  #evictions = 0

  get counters(): CacheCounters {
    return { entries: this.#scripts.size, hits: this.#hits, misses: this.#misses, evictions: this.#evictions }
  }

  /** @throws what V8 says of code it cannot compile */
  compile(code: string, filename: string): Script {
    const key = `${filename}\0${code}`
    const cached = this.#scripts.get(key)
    if (cached !== undefined) {
      this.#hits++
      this.#scripts.delete(key)
      this.#scripts.set(key, cached)
      return cached
    }
    this.#misses++
    const script = compileScript(code, filename)
    if (code.length <= engineLimits.cachedCode) this.#keep(key, script)
    return script
  }

  #keep(key: string, script: Script): void {
    this.#scripts.set(key, script)
    if (this.#scripts.size <= engineLimits.scripts) return
    this.#evictions++
    this.#scripts.deleteOldest()
  }
}

/** @throws what V8 says of code it cannot compile */
export function compileScript(code: string, filename: string): Script {
  const options = { __proto__: null, filename, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }
  return new Script(code, options as object)
}
