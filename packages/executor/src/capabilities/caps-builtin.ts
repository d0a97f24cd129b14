import type { CapabilityManifest } from '@capsule/protocol'
import type { CapabilityCalls, GrantedCapability } from './capability-calls.ts'

// cells share `globalThis` with this code and may replace these
const { defineProperty, entries, freeze, values } = Object
const NativeMap = Map

export interface CapsBuiltinOptions {
  readonly calls: Pick<CapabilityCalls, 'call'>
  readonly define: (name: string, value: unknown) => void
  /** Takes away what was defined, if it is still that. */
  readonly remove: (name: string) => void
  /** Are there as long as cells may ask a person. */
  readonly inputBuiltins: Readonly<Record<string, unknown>>
}

/** `caps` of cells, and the short names that a policy asks for: exactly what is granted. */
export function createCapsBuiltin({ calls, define, remove, inputBuiltins }: CapsBuiltinOptions): {
  apply(manifest: CapabilityManifest): void
} {
  let defined: string[] = []
  return {
    apply({ capabilities, names, input }) {
      for (const name of defined) remove(name)
      defined = []
      const add = (name: string, value: unknown): void => {
        define(name, value)
        defined.push(name)
      }
      const functions = new NativeMap(capabilities.map((granted) => [granted.name, functionOf(granted, calls)]))
      add('caps', treeOf(functions))
      if (input) for (const [name, value] of entries(inputBuiltins)) add(name, value)
      for (const { name, capability } of names) {
        const call = functions.get(capability)
        if (call !== undefined) add(name, call)
      }
    },
  }
}

type CapabilityFunction = (...args: unknown[]) => Promise<unknown>

function functionOf(granted: GrantedCapability, calls: Pick<CapabilityCalls, 'call'>): CapabilityFunction {
  const call: CapabilityFunction = (...args) => calls.call(granted, args)
  defineProperty(call, 'name', { value: granted.name })
  return freeze(call)
}

/** `{ files: { read } }` of `files.read`. */
function treeOf(functions: ReadonlyMap<string, CapabilityFunction>): object {
  const tree: Record<string, Record<string, CapabilityFunction>> = {}
  for (const [name, call] of functions) {
    const [provider = '', capability = ''] = name.split('.')
    tree[provider] ??= {}
    tree[provider][capability] = call
  }
  for (const branch of values(tree)) freeze(branch)
  return freeze(tree)
}
