import { writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { systemClock } from '@capsule/core'
import { createSharedMemory, openSharedMemory, releaseExit, startUserSide } from '@capsule/executor-threaded'
import { createEngine } from '@capsule/namespace'
import { dropGrants, isConfined, unwrapConsole } from './confinement.ts'
import type { ControlThreadData, ControlThreadMessage } from './control.ts'

// cells may replace these
const exitProcess = process.exit.bind(process)
const writeDescriptor = writeSync

/**
 * Most megabytes of young objects on the control thread. While much is printed more of them would be kept, for ever, and
 * nothing would be faster.
 */
const youngGenerationMb = 4

/** The exit code of a worker whose control thread failed: nothing could be told any more. */
const controlFailureExitCode = 70

/** The main thread of the threaded worker: it starts the control thread, then only runs cells. */
export function runThreadedWorker(): void {
  const memory = createSharedMemory()
  const { port1: port, port2: controlPort } = new MessageChannel()
  const { port1: streamPort, port2: controlStreamPort } = new MessageChannel()
  const workerData: ControlThreadData = { memory, port: controlPort, streamPort: controlStreamPort }
  const main = process.argv[1] ?? ''
  const controlFile = join(dirname(main), 'control.cjs')
  const control = new Worker(controlFile, {
    workerData,
    transferList: [controlPort, controlStreamPort],
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    // the control thread never prints; what it would print must not take a pipe of the main thread
    stdout: true,
    stderr: true,
  })
  const shared = openSharedMemory(memory)
  const exit = (code: number): void => {
    releaseExit(shared)
    exitProcess(code)
  }
  const fail = (what: string, error: unknown): void => {
    // not process.stderr, which may lead through the thread that failed
    writeDescriptor(2, `capsule: ${what}: ${error instanceof Error ? error.stack : String(error)}\n`)
    exit(controlFailureExitCode)
  }
  control.on('error', (error) => fail('the control thread failed', error))
  control.on('message', (message: ControlThreadMessage) => {
    if (message !== 'confine') return exit(message)
    try {
      dropGrants({ grants: ['worker', 'inspector'], files: [main, controlFile] })
    } catch (error) {
      return fail('the worker could not be confined', error)
    }
    control.postMessage('confined')
  })
  control.on('exit', exit)
  if (isConfined) unwrapConsole()
  startUserSide({ shared, port, streamPort, clock: systemClock, createEngine })
}
