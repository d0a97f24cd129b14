import type { Options } from 'tsup'

/** How every published package is built: ESM JavaScript only; `tsc -b` emits the declarations beside it. */
export function library(entry: Record<string, string>): Options {
  return {
    entry,
    format: 'esm',
    target: 'node24',
    platform: 'node',
    sourcemap: true,
    // tsup would turn 'node:fs' into 'fs'
    removeNodeProtocol: false,
  }
}
