import { systemClock } from '@capsule/core'
import { createStandaloneAsyncExecutor } from '@capsule/executor-async'
import { beforeReallyExit } from '@capsule/executor-threaded'
import { createEngine } from '@capsule/namespace'
import type { WorkerMessage } from '@capsule/protocol'
import { createFdTransport } from '@capsule/transport'
import { dropGrants } from './confinement.ts'
import { runControlLoop } from './control-loop.ts'
import { streamsLink } from './control-loop-options.ts'
import { killGroup } from './kill-group.ts'

// a cell may replace it
const exitProcess = process.exit.bind(process)

/** What a cell prints in one turn is joined for at most this long: a message per line costs four times as much. */
const gatherMs = 2

/** The lean worker: one thread, which runs the cells and speaks to the host in between. */
export function runAsyncWorker(): void {
  dropGrants({ grants: [], files: [process.argv[1] ?? ''] })
  const transport = createFdTransport<WorkerMessage>({ readFd: 3, writeFd: 4, write: 'blocking' })
  let sendGathered: (() => void) | undefined
  beforeReallyExit(() => {
    sendGathered?.()
    transport.flush()
  })
  runControlLoop({
    transport,
    clock: systemClock,
    createExecutor: async (start) => {
      const { settings, maxConcurrent, features, send, acknowledge } = start
      const { valueBytes, valueDepth, textLength, modules } = settings
      const executor = createStandaloneAsyncExecutor({
        createEngine: (hooks) => createEngine({ ...hooks, valueBytes, valueDepth, textLength, modules }),
        settings,
        features,
        maxConcurrent,
        clock: systemClock,
        sink: send,
        streams: streamsLink(start),
        gatherMs,
        schedule: (start) => start(),
        beforeBlocking: () => {
          acknowledge()
          transport.flush()
        },
      })
      sendGathered = () => executor.pump.sendGathered()
      return { executor, routes: ['async'], resume: () => executor.resume(), exit: exitProcess }
    },
    exit: exitProcess,
    // exit listeners of cells might never return
    onHostGone: killGroup,
  })
}
