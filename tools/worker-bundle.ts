import type { Options } from 'tsup'

const root = `${import.meta.dirname}/..`

/**
 * The worker as two self-contained CommonJS files (they start faster than ESM): `main.cjs` runs on the main thread,
 * `control.cjs` on the control thread. The host spawns them with no node_modules beside.
 */
export function workerBundle(outDir: string): Options {
  return {
    config: false,
    silent: true,
    entry: { main: `${root}/packages/worker/src/main.ts`, control: `${root}/packages/worker/src/control.ts` },
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
    },
  }
}
