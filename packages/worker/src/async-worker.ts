import { systemClock } from '@capsule/core'
import { createStandaloneAsyncExecutor } from '@capsule/executor-async'
import { createEngine } from '@capsule/namespace'
import type { WorkerMessage } from '@capsule/protocol'
import { createFdTransport } from '@capsule/transport'
import { runControlLoop } from './control-loop.ts'

/** The lean worker: one thread, which runs the cells and speaks to the host in between. */
export function runAsyncWorker(): void {
  const transport = createFdTransport<WorkerMessage>({ readFd: 3, writeFd: 4, write: 'blocking' })
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
      return { executor, resume: () => executor.resume(), exit: (code) => process.exit(code) }
    },
    exit: (code) => process.exit(code),
    onHostGone: () => process.exit(0),
  })
}
