import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '@capsule/core'
import {
  createMainThreadTerminator,
  createThreadedExecutor,
  openSharedMemory,
  type SharedMemory,
} from '@capsule/executor-threaded'
import { createFdTransport } from '@capsule/transport'
import type { WorkerMessage } from '@capsule/protocol'
import { dropGrants, isConfined } from './confinement.ts'
import { runControlLoop } from './control-loop.ts'
import { streamsLink } from './control-loop-options.ts'
import { killGroup } from './kill-group.ts'

export interface ControlThreadData {
  readonly memory: SharedMemory
  readonly port: MessagePort
  readonly streamPort: MessagePort
}

/** To the main thread: give up what the start needed; or end the process with this exit code. */
export type ControlThreadMessage = 'confine' | number

/** How long the main thread may take to end the process when it is told to. */
const exitGraceMs = 1000

// the control thread: it owns fd 3 and 4, heartbeats, cancel and the drain
const { memory, port, streamPort } = workerData as ControlThreadData
const transport = createFdTransport<WorkerMessage>({ readFd: 3, writeFd: 4, write: 'async' })
const terminator = createMainThreadTerminator()
const confined = isConfined ? confine() : undefined

/** Before the main thread runs any cell. */
async function confine(): Promise<void> {
  // the session of a hard cancel: once the main thread has given up the inspector it ends the process instead
  await terminator.connect()
  const { promise: told, resolve } = Promise.withResolvers<unknown>()
  // stays: the end of this thread before the process's own would abort a main thread that has given up the inspector
  parentPort?.on('message', resolve)
  parentPort?.postMessage('confine' satisfies ControlThreadMessage)
  await told
  dropGrants({ grants: ['worker', 'inspector'], files: [process.argv[1] ?? '', __filename] })
}

runControlLoop({
  transport,
  clock: systemClock,
  createExecutor: async (start) => {
    await confined
    const { settings, windowBytes, maxConcurrent, features, send } = start
    const link = streamsLink(start)
    const executor = createThreadedExecutor({
      shared: openSharedMemory(memory),
      port,
      streams: link && { ...link, port: streamPort },
      settings,
      windowBytes,
      maxConcurrent,
      features,
      clock: systemClock,
      terminator,
      send,
      whenSent: (release) => void transport.close().then(release),
    })
    await executor.configured
    return {
      executor,
      routes: ['threaded', 'async'],
      resume: () => executor.resume(),
      exit: (code) => executor.exit(code),
    }
  },
  exit(code) {
    parentPort?.postMessage(code)
    // not the clock's timer: this one keeps the thread alive for it
    setTimeout(killGroup, exitGraceMs)
  },
  // the main thread may be busy with a cell, and process.exit() here would end this thread only
  onHostGone: killGroup,
})
