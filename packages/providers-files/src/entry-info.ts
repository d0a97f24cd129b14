import type { Stats } from 'node:fs'
import * as z from 'zod'
import { type EntryType, entryTypeOf } from './root/check-kind.ts'
import type { RootRules } from './root/root.ts'

const entryTypes = ['file', 'directory', 'link', 'other'] as const satisfies readonly EntryType[]

export const entryInfoSchema = z.strictObject({
  type: z.enum(entryTypes),
  size: z.number().optional().meta({ description: 'Bytes, of files.' }),
  modifiedMs: z.number().optional().meta({ description: 'Milliseconds since 1970, of files and directories.' }),
})
export type EntryInfo = z.output<typeof entryInfoSchema>

/** Of a link nothing is told but that it is one: its size is that of a path of the host, or of a file that may lie outside. */
export function entryInfoOf(stats: Stats, rules: RootRules): EntryInfo {
  const type = entryTypeOf(stats, rules)
  const modifiedMs = Math.floor(stats.mtimeMs)
  if (type === 'file') return { type, size: stats.size, modifiedMs }
  return type === 'directory' ? { type, modifiedMs } : { type }
}
