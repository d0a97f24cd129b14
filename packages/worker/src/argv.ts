import { fileURLToPath } from 'node:url'
import { workerEntry } from './entry.ts'

export type WorkerExecutor = 'threaded' | 'async'

export interface WorkerArgvOptions {
  readonly executor: WorkerExecutor
  /** Cap of V8's heap in MiB; buffers and WebAssembly memory do not count. @defaultValue Node's own */
  readonly maxHeapMb?: number | undefined
  /** @defaultValue `workerEntry` */
  readonly entry?: URL | undefined
}

/** The arguments for `node` that start a worker. */
export function workerArgv({ executor, maxHeapMb, entry = workerEntry }: WorkerArgvOptions): string[] {
  return [
    // every distinct cell would stay in V8's cache: 5 KB each, for ever
    '--no-compilation-cache',
    // a cell terminated in a timer leaves the hook stack unbalanced, which is no reason to abort
    '--no-force-async-hooks-checks',
    // SIGUSR1 would open an inspector port
    '--disable-sigusr1',
    // V8 lets its young generation grow to 48 MB otherwise, in each of many workers
    '--max-semi-space-size=8',
    '--disable-warning=ExperimentalWarning',
    ...(maxHeapMb === undefined ? [] : [`--max-old-space-size=${maxHeapMb}`]),
    fileURLToPath(entry),
    `--executor=${executor}`,
  ]
}
