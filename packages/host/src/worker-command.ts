import { existsSync } from 'node:fs'
import { workerArgv, type WorkerExecutor } from '@capsule/worker'

export interface WorkerCommandOptions {
  readonly nodePath: string
  readonly entry: URL
  readonly executor: WorkerExecutor
  readonly maxHeapMb: number | undefined
}

/** By absolute path: what PATH would find may be anything. */
const setprivPaths = ['/usr/bin/setpriv', '/bin/setpriv']

/**
 * The command line of a worker. The threaded executor sees the end of its host on its control thread. The async executor
 * cannot while a cell loops, so on Linux the kernel is asked to kill it then; where `setpriv` is missing such a worker
 * outlives its host until the loop ends.
 */
export function workerCommand(options: WorkerCommandOptions): { command: string; args: string[] } {
  const { nodePath, entry, executor, maxHeapMb } = options
  const args = workerArgv({ executor, entry, maxHeapMb })
  const setpriv = executor === 'async' ? findSetpriv() : undefined
  if (setpriv === undefined) return { command: nodePath, args }
  return { command: setpriv, args: ['--pdeathsig', 'KILL', '--', nodePath, ...args] }
}

function findSetpriv(): string | undefined {
  return process.platform === 'linux' ? setprivPaths.find((path) => existsSync(path)) : undefined
}
