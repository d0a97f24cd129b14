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

/** What a worker is started with, in parts for those who start it in another way than by `workerArgv`. */
export interface WorkerProgram {
  /** In front of the entry. */
  readonly nodeFlags: readonly string[]
  /** The entry, then what it loads from the folder it lies in. */
  readonly entryFiles: readonly string[]
  /** Behind the entry. */
  readonly workerArgs: readonly string[]
  /** What it needs under Node's permission model to start, and gives up before it runs a cell. */
  readonly startGrants: readonly ('worker' | 'inspector')[]
}

const nodeFlags = [
  // every distinct cell would stay in V8's cache: 5 KB each, for ever
  '--no-compilation-cache',
  // a cell terminated in a timer leaves the hook stack unbalanced, which is no reason to abort
  '--no-force-async-hooks-checks',
  // SIGUSR1 would open an inspector port
  '--disable-sigusr1',
  // V8 lets its young generation grow to 48 MB otherwise, in each of many workers
  '--max-semi-space-size=8',
  '--disable-warning=ExperimentalWarning',
] as const

/** The program of a worker. */
export function workerProgram({
  executor,
  entry = workerEntry,
}: Pick<WorkerArgvOptions, 'executor' | 'entry'>): WorkerProgram {
  const isThreaded = executor === 'threaded'
  const beside = isThreaded ? ['control.cjs', 'amaro.cjs'] : ['amaro.cjs']
  return {
    nodeFlags,
    entryFiles: [entry, ...beside.map((file) => new URL(file, entry))].map((url) => fileURLToPath(url)),
    workerArgs: [`--executor=${executor}`],
    startGrants: isThreaded ? ['worker', 'inspector'] : [],
  }
}

/** The arguments for `node` that start a worker. */
export function workerArgv({ executor, maxHeapMb, entry }: WorkerArgvOptions): string[] {
  const program = workerProgram({ executor, entry })
  const heap = maxHeapMb === undefined ? [] : [`--max-old-space-size=${maxHeapMb}`]
  return [...program.nodeFlags, ...heap, program.entryFiles[0] ?? '', ...program.workerArgs]
}
