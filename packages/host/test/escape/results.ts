import { readFile, writeFile } from 'node:fs/promises'
import type { EscapeLevel, Verdict } from './attack.ts'

/** The version of Node that results are kept of: the oldest that Capsule runs on, which confines least. */
export const resultsNodeMajor = 24

const fileOf = (level: EscapeLevel): URL => new URL(`results/${level}.json`, import.meta.url)

/** What the suite found, by the id of the attack. `CAPSULE_ESCAPE_RESULTS=1` writes it anew. */
export async function readResults(level: EscapeLevel): Promise<Record<string, Verdict>> {
  return JSON.parse(await readFile(fileOf(level), 'utf8')) as Record<string, Verdict>
}

export async function writeResults(level: EscapeLevel, found: Readonly<Record<string, Verdict>>): Promise<void> {
  await writeFile(fileOf(level), `${JSON.stringify(found, undefined, 2)}\n`)
}
