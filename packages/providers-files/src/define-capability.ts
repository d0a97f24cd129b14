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

/** A path in a line that a person approves: characters that would reorder or hide text are written out. */
export function visiblePath(path: string): string {
  return path.replace(/[\p{Cf}\p{Zl}\p{Zp}\p{Co}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
