import type { ExecutorMessage } from '@capsule/executor'
import { defaultWorkerSettings, type HostMessage, type WorkerSettings } from '@capsule/protocol'
import { createRecorder, type Recorder } from '@capsule/testing'
import type { ProcessTransport } from '@capsule/transport'
import type { WorkerExecutor } from '@capsule/worker'
import { onTestFinished } from 'vitest'
import { connectRemoteWorker, type RemoteWorker } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'

export interface OpenWorker {
  readonly worker: RemoteWorker
  readonly transport: ProcessTransport<HostMessage>
  readonly messages: Recorder<ExecutorMessage>
  /** All text of an execution so far. */
  readonly printed: (executionId: string) => string
}

export interface OpenWorkerOptions {
  readonly executor: WorkerExecutor
  readonly entry?: URL
  readonly settings?: Partial<WorkerSettings>
  readonly windowBytes?: number
  /** @defaultValue 1 */
  readonly maxConcurrent?: number
}

/** A greeted worker with a record of what it says; gone when the test is. */
export async function openWorker(options: OpenWorkerOptions): Promise<OpenWorker> {
  const { executor, entry, settings, windowBytes = Infinity, maxConcurrent } = options
  const transport = spawnWorker({ executor, entry })
  onTestFinished(async () => transport[Symbol.asyncDispose]())
  const messages = createRecorder<ExecutorMessage>()
  const creation = {
    settings: { ...defaultWorkerSettings, ...settings },
    windowBytes,
    onMessage: messages.record,
  }
  const worker = await connectRemoteWorker(transport, creation, { maxConcurrent })
  return {
    worker,
    transport,
    messages,
    printed: (executionId) =>
      messages.values
        .map((message) => (message.type === 'output' && message.executionId === executionId ? message.text : ''))
        .join(''),
  }
}

export const isTerminalOf =
  (executionId: string) =>
  (message: ExecutorMessage): boolean =>
    message.executionId === executionId && (message.type === 'result' || (message.type === 'error' && message.terminal))
