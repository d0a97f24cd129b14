import type { BindingSummary, InspectAnswer } from '@capsule/protocol'
import type { Binding, Bindings } from '../bindings.ts'
import { engineLimits } from '../engine-limits.ts'
import { getOwnPropertyDescriptor } from '../primordials.ts'
import { previewOf, sizeOf, typeOf } from './preview.ts'

/** The bindings by name; no code of the user runs. */
export function summariseNamespace(bindings: Bindings): InspectAnswer {
  const found: (readonly [string, Binding])[] = []
  bindings.forEach((name, binding) => found.push([name, binding]))
  found.sort(([left], [right]) => (left < right ? -1 : 1))
  const shown = found.slice(0, engineLimits.answers).map(([name, binding]) => summarise(name, binding))
  return { what: 'namespace', bindings: shown, ...(found.length > shown.length && { truncated: true }) }
}

function summarise(name: string, { kind }: Binding): BindingSummary {
  const property = getOwnPropertyDescriptor(globalThis, name)
  if (property?.get !== undefined) return { name, kind, type: 'accessor', preview: '[Getter]' }
  const value: unknown = property?.value
  const size = sizeOf(value)
  return { name, kind, type: typeOf(value), ...(size !== undefined && { size }), preview: previewOf(value) }
}
