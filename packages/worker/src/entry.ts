/** The file to spawn: beside this one when built; from source, the bundle that `tools/build-worker.ts` writes. */
export const workerEntry: URL = new URL(
  import.meta.url.endsWith('.ts') ? '../.bundle/main.cjs' : './main.cjs',
  import.meta.url,
)
