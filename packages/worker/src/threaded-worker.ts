import { dirname, join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { systemClock } from '@capsule/core'
import { createSharedMemory, openSharedMemory, startUserSide } from '@capsule/executor-threaded'
import { createEngine } from '@capsule/namespace'
import type { ControlThreadData } from './control.ts'

/** The exit code of a worker whose control thread failed: nothing could be told any more. */
const controlFailureExitCode = 70

/** The main thread of the threaded worker: it starts the control thread, then only runs cells. */
export function runThreadedWorker(): void {
  const memory = createSharedMemory()
  const { port1: port, port2: controlPort } = new MessageChannel()
  const workerData: ControlThreadData = { memory, port: controlPort }
  const control = new Worker(join(dirname(process.argv[1] ?? ''), 'control.cjs'), {
    workerData,
    transferList: [controlPort],
    // the control thread never prints; what it would print must not take a pipe of the main thread
    stdout: true,
    stderr: true,
  })
  control.on('error', (error) => {
    process.stderr.write(`capsule: the control thread failed: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(controlFailureExitCode)
  })
  control.on('exit', (code) => process.exit(code))
  startUserSide({ shared: openSharedMemory(memory), port, clock: systemClock, createEngine })
}
