import { capabilityLimits } from '@capsule/protocol'
import { compileGlob } from './glob.ts'

/** Stands for asking a person by `input()` and `prompt()`; no provider has it. */
export const inputCapability = 'input.ask'

const halfPattern = '[A-Za-z0-9_*]+'
const patternForm = new RegExp(`^(?:\\*|${halfPattern}\\.${halfPattern})$`)

/** `*`, `files.*`, `files.read`, `*.read`, `files.read*`. */
export function isCapabilityPattern(pattern: string): boolean {
  return pattern.length <= capabilityLimits.nameLength && patternForm.test(pattern)
}

export function compileCapabilityPatterns(patterns: string | readonly string[]): (capability: string) => boolean {
  const matchers = [patterns].flat().map((pattern) => (pattern === '*' ? () => true : compileGlob(pattern)))
  return (capability) => matchers.some((matches) => matches(capability))
}
