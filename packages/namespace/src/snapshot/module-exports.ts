import { ownKeys, SafeMap, SafeSet } from '../primordials.ts'
import { isModuleNamespaceObject, ownValue } from './natives.ts'

/** How to get at an export again. */
export interface ModulePath {
  readonly specifier: string
  /** `import` and `require` find different modules under one name. */
  readonly how: 'import' | 'require'
  /** Attributes of the import, as JSON; empty: none. */
  readonly attributes: string
  readonly keys: readonly string[]
}

/** What cells have loaded, by the objects that modules export. */
export class ModuleExports {
  readonly #paths = new SafeMap<unknown, ModulePath>()
  /** Whose exports have not been looked at. */
  readonly #namespaces = new SafeSet<object>()

  /** A cell has imported it. */
  imported(specifier: string, attributes: string, namespace: object): void {
    if (this.#paths.has(namespace)) return
    this.#namespaces.add(namespace)
    this.#paths.set(namespace, { specifier, how: 'import', attributes, keys: [] })
  }

  pathOf(value: unknown): ModulePath | undefined {
    return this.#paths.size === 0 ? undefined : this.#paths.get(value)
  }

  /** To be called before a walk that asks for paths. What cells have required is in the cache of `require`, by filename. */
  refresh(cache: Readonly<Record<string, { readonly exports?: unknown } | undefined>>): void {
    this.#readNamespaces()
    for (const filename of Object.keys(cache)) {
      const module = cache[filename]
      const exported = module === undefined ? undefined : ownValue(module, 'exports')
      this.#addWithMembers(exported, { specifier: filename, how: 'require', attributes: '', keys: [] })
    }
  }

  #readNamespaces(): void {
    if (this.#namespaces.size === 0) return
    for (const namespace of this.#namespaces) {
      const path = this.#paths.get(namespace) as ModulePath
      for (const key of ownKeys(namespace)) {
        if (typeof key !== 'string') continue
        const value = exportOf(namespace, key)
        const inner = { ...path, keys: [key] }
        if (key === 'default') this.#addWithMembers(value, inner)
        else this.#add(value, inner)
      }
    }
    this.#namespaces.clear()
  }

  #addWithMembers(value: unknown, path: ModulePath): void {
    if (!this.#add(value, path)) return
    for (const key of ownKeys(value as object)) {
      if (typeof key === 'string' && key !== 'prototype') {
        this.#add(ownValue(value as object, key), { ...path, keys: [...path.keys, key] })
      }
    }
  }

  #add(value: unknown, path: ModulePath): boolean {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
    if (this.#paths.has(value)) return false
    this.#paths.set(value, path)
    return true
  }
}

/** An export as it is now; undefined while its module has not set it. */
export function exportOf(holder: object, key: string): unknown {
  if (!isModuleNamespaceObject(holder)) return ownValue(holder, key)
  try {
    return (holder as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
