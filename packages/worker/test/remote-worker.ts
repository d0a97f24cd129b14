import type { ExecutorMessage, ExecutorStats } from '@capsule/executor'
import type { ExecutorCreation, RemoteExecutor } from '@capsule/executor/testing'
import {
  defaultLimits,
  type HeartbeatMessage,
  type HelloMessage,
  type HostMessage,
  type InspectAnswer,
  parseWorkerMessage,
  protocolVersion,
  type ReadyMessage,
  type WorkerMessage,
} from '@capsule/protocol'
import type { Transport } from '@capsule/transport'

/** What a host needs of its transport. */
export type HostLink = Pick<Transport<HostMessage>, 'send' | 'start' | 'agree'> & AsyncDisposable

export interface RemoteWorker extends RemoteExecutor {
  readonly ready: ReadyMessage
  readonly link: HostLink
}

type Wishes = Pick<ExecutorCreation, 'settings' | 'windowBytes'> & {
  readonly maxConcurrent?: number | undefined
}

export function helloOf({ settings, windowBytes, maxConcurrent }: Wishes): HelloMessage {
  return {
    type: 'hello',
    protocol: protocolVersion,
    codecs: ['msgpack', 'json'],
    features: [
      'output-credit',
      'preemptive-cancel',
      'sync-input',
      'heartbeat',
      'inspect',
      'display',
      'progress',
      'concurrency',
    ],
    limits: defaultLimits,
    settings,
    outputWindowBytes: Math.min(windowBytes, Number.MAX_SAFE_INTEGER),
    ...(maxConcurrent === undefined ? {} : { maxConcurrentExecutions: maxConcurrent }),
  }
}

/** How often a worker of the contract tells its figures: `stats()` waits for the next time. */
const heartbeatMs = 20

/** A worker, driven by nothing but the protocol, as the executor that the contract suite asks for. */
export async function connectRemoteWorker(
  link: HostLink,
  creation: ExecutorCreation,
  { maxConcurrent }: { maxConcurrent?: number | undefined } = {},
): Promise<RemoteWorker> {
  const { settings, windowBytes, onMessage } = creation
  const settled = new Set<string>()
  const accepted = new Set<string>()
  const refusals = new Map<string, PromiseWithResolvers<void>>()
  const inspections = new Map<string, (answer: InspectAnswer) => void>()
  let statsWaiters: ((message: HeartbeatMessage) => void)[] = []
  const greeted = Promise.withResolvers<ReadyMessage>()

  const forward = (message: ExecutorMessage): void => {
    const id = message.executionId ?? ''
    const refusal = refusals.get(id)
    refusals.delete(id)
    const isTerminal = message.type === 'result' || (message.type === 'error' && message.terminal)
    if (isTerminal) settled.add(id)
    if (message.type === 'error' && refusal !== undefined && message.error.code === 'EXECUTOR_BUSY') {
      return refusal.reject(Object.assign(new Error(message.error.message), { code: 'EXECUTOR_BUSY' }))
    }
    refusal?.resolve()
    onMessage(message)
  }
  const receive = (message: WorkerMessage): void => {
    switch (message.type) {
      case 'ready':
        link.agree({ codec: message.codec, limits: message.limits })
        return greeted.resolve(message)
      case 'ack':
      case 'stream-open':
      case 'stream-data':
      case 'stream-credit':
      case 'stream-close':
      case 'reset-result':
        return
      case 'heartbeat': {
        const waiters = statsWaiters
        statsWaiters = []
        for (const resolve of waiters) resolve(message)
        return
      }
      case 'inspect-result':
        return inspections.get(message.requestId)?.(message.answer)
      default:
        return forward(message)
    }
  }

  link.start({
    message(raw) {
      const message = parseWorkerMessage(raw)
      if (message.type !== 'unknown') receive(message)
    },
    end: () => greeted.reject(new Error('the worker has ended')),
  })
  // nobody may be waiting when a worker is disposed of
  greeted.promise.catch(() => {})
  link.send(helloOf({ settings: { ...settings, heartbeatMs }, windowBytes, maxConcurrent }))
  const ready = await greeted.promise

  return {
    ready,
    link,
    async execute(message) {
      const { executionId } = message
      const isBusy = [...accepted].filter((id) => !settled.has(id)).length >= (maxConcurrent ?? 1)
      accepted.add(executionId)
      link.send(message)
      if (!isBusy) return
      const refusal = Promise.withResolvers<void>()
      refusals.set(executionId, refusal)
      await refusal.promise
    },
    respond: (message) => void link.send(message),
    grant: (manifest) => void link.send({ type: 'capabilities', manifest }),
    cancel: (message) => void link.send(message),
    interrupt: (message) => void link.send(message),
    credit: (bytes) => void link.send({ type: 'stream-credit', streamId: 'output', bytes }),
    inspect(query) {
      const requestId = `inspect-${inspections.size}`
      return new Promise((resolve) => {
        inspections.set(requestId, resolve)
        link.send({ type: 'inspect', requestId, query })
      })
    },
    async stats(): Promise<ExecutorStats> {
      const { executionId, bindings, heapUsedBytes, eventLoopDelayMs } = await new Promise<HeartbeatMessage>(
        (resolve) => {
          statsWaiters.push(resolve)
        },
      )
      return { executionIds: executionId === undefined ? [] : [executionId], bindings, heapUsedBytes, eventLoopDelayMs }
    },
    drain: () => Promise.reject(new Error('a worker is not asked to drain but to shut down')),
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose]() as Promise<void>,
  }
}
