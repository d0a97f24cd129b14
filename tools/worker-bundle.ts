import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import type { Options } from 'tsup'

// Not import.meta.dirname: tsup bundles its configuration, and that would then be the folder of the package it builds.
const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * The worker as self-contained CommonJS files (they start faster than ESM): `main.cjs` runs on the main thread,
 * `control.cjs` on the control thread, `amaro.cjs` is loaded by the first cell that needs it. The host spawns them with no
 * node_modules beside.
 */
export function workerBundle(outDir: string): Options {
  return {
    config: false,
    silent: true,
    entry: {
      main: `${root}packages/worker/src/main.ts`,
      control: `${root}packages/worker/src/control.ts`,
      amaro: `${root}packages/worker/src/amaro.ts`,
    },
    outDir,
    format: 'cjs',
    outExtension: () => ({ js: '.cjs' }),
    target: 'node24',
    platform: 'node',
    sourcemap: true,
    clean: false,
    removeNodeProtocol: false,
    noExternal: [/.*/],
    esbuildOptions: (options) => {
      options.conditions = ['@capsule/source']
      // V8 reads every character of it at each start; names stay, for stack traces
      options.minifyWhitespace = true
      // acorn-jsx requires what the compiler imports: without this the bundle would hold acorn twice
      options.alias = { acorn: createRequire(`${root}packages/namespace/package.json`).resolve('acorn') }
    },
  }
}
