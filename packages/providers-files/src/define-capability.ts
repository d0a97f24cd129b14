import type { CapabilityDefinition } from '@capsule/provider-sdk'
import type * as z from 'zod'

/** Infers the schemas of a capability that is defined in a file of its own. */
export function defineCapability<Input extends z.ZodType, Output extends z.ZodType>(
  definition: CapabilityDefinition<Input, Output>,
): CapabilityDefinition<Input, Output> {
  return definition
}

/** Unit: bytes of a call beside the data itself: paths, names of fields, lengths. */
export const envelopeBytes: number = 32 * 1024

// unit: characters; defineProvider cuts a line at its end, where the name of the file is
const describedLength = 120

/** A path in a line that a person approves: what would reorder or hide text is written out, what is long loses its middle. */
export function visiblePath(path: string): string {
  const escape = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`
  const visible = path.replace(/[\p{Cf}\p{Zl}\p{Zp}\p{Co}]/gu, escape)
  if (visible.length <= describedLength) return visible
  return `${visible.slice(0, describedLength / 2)}…${visible.slice(-describedLength / 2)}`
}
