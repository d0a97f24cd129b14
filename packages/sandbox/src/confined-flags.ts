import { defaultConfinedHeapMb } from './isolation-level.ts'
import type { StartGrant } from './isolation-driver.ts'

export interface ConfinedFlagsOptions {
  /** Real paths: the only files that the worker can read. */
  readonly readableFiles: readonly string[]
  readonly startGrants: readonly StartGrant[]
  readonly maxHeapMb?: number | undefined
}

/**
 * The flags of Node at levels `permission` and `os`. Without `--disallow-code-generation-from-strings` and
 * `--disable-proto`: cells run in the worker's own context, where they protect nothing, and break `eval` and libraries.
 */
export function confinedFlags({ readableFiles, startGrants, maxHeapMb }: ConfinedFlagsOptions): string[] {
  return [
    '--permission',
    ...readableFiles.map((file) => `--allow-fs-read=${file}`),
    ...startGrants.map((grant) => `--allow-${grant}`),
    // opens any file, whatever the permission model says
    '--no-experimental-sqlite',
    // v8.setFlagsFromString() could make V8 write files; with this, calling it ends the worker
    '--freeze-flags-after-init',
    '--no-addons',
    '--disable-sigusr1',
    // of the grants above, which do not last
    '--disable-warning=SecurityWarning',
    ...heapFlags(maxHeapMb ?? defaultConfinedHeapMb),
  ]
}

export const heapFlags = (maxHeapMb: number | undefined): string[] =>
  maxHeapMb === undefined ? [] : [`--max-old-space-size=${maxHeapMb}`]
