import { systemClock } from '@capsule/core'
import { createStandaloneAsyncExecutor } from '@capsule/executor-async'
import { beforeReallyExit } from '@capsule/executor-threaded'
import { createEngine } from '@capsule/namespace'
import type { WorkerMessage } from '@capsule/protocol'
import { createFdTransport } from '@capsule/transport'
import { runControlLoop } from './control-loop.ts'

// cells may replace these
const exitProcess = process.exit.bind(process)
const killProcess = process.kill.bind(process)

/** The lean worker: one thread, which runs the cells and speaks to the host in between. */
export function runAsyncWorker(): void {
  const transport = createFdTransport<WorkerMessage>({ readFd: 3, writeFd: 4, write: 'blocking' })
  beforeReallyExit(() => transport.flush())
  runControlLoop({
    transport,
    clock: systemClock,
    createExecutor: async ({ settings, send, acknowledge }) => {
      const { valueBytes, valueDepth, textLength } = settings
      const executor = createStandaloneAsyncExecutor({
        createEngine: (hooks) => createEngine({ ...hooks, valueBytes, valueDepth, textLength }),
        settings,
        clock: systemClock,
        sink: send,
        schedule: (start) => start(),
        beforeBlocking: () => {
          acknowledge()
          transport.flush()
        },
      })
      return { executor, resume: () => executor.resume(), exit: exitProcess }
    },
    exit: exitProcess,
    // exit listeners of cells might never return
    onHostGone: () => killProcess(process.pid, 'SIGKILL'),
  })
}
