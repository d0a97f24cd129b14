import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutorMessage } from '@capsule/executor'
import type { ExecutorCreation, RemoteExecutor } from '@capsule/executor/testing'
import type { Call } from './fixtures/async-worker.ts'

type Reply =
  | { message: ExecutorMessage }
  | { call: number; result?: unknown; failure?: { code?: string; message: string } }
type Request = Call extends infer One ? (One extends unknown ? Omit<One, 'call'> : never) : never

/** The standalone async executor in a child process of its own. */
export async function createRemoteAsyncExecutor(
  { settings, windowBytes, onMessage }: ExecutorCreation,
  { maxConcurrent = 1 }: { maxConcurrent?: number } = {},
): Promise<RemoteExecutor & { readonly child: ChildProcess }> {
  const child = fork(new URL('./fixtures/async-worker.ts', import.meta.url), {
    serialization: 'advanced',
    execArgv: ['--conditions=@capsule/source', '--disable-warning=ExperimentalWarning'],
    env: {},
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const calls = new Map<number, PromiseWithResolvers<unknown>>()
  let count = 0
  const perform = (request: Request): Promise<unknown> => {
    const call = Promise.withResolvers<unknown>()
    calls.set(++count, call)
    child.send({ call: count, ...request })
    return call.promise
  }
  child.on('message', (reply: Reply) => {
    if ('message' in reply) return onMessage(reply.message)
    const call = calls.get(reply.call)
    if (reply.failure === undefined) call?.resolve(reply.result)
    else call?.reject(Object.assign(new Error(reply.failure.message), { code: reply.failure.code }))
  })
  child.on('exit', () => {
    for (const { reject } of calls.values()) reject(new Error('the child process has exited'))
  })
  await perform({ create: { settings, windowBytes, maxConcurrent } })
  const tell = (method: Extract<Request, { method: unknown }>['method'], argument: unknown): void => {
    perform({ method, argument }).catch(() => {})
  }
  return {
    child,
    execute: async (message) => void (await perform({ method: 'execute', argument: message })),
    respond: (message) => tell('respond', message),
    grant: (manifest) => tell('grant', manifest),
    cancel: (message) => tell('cancel', message),
    interrupt: (message) => tell('interrupt', message),
    credit: (bytes) => tell('credit', bytes),
    inspect: async (query) => (await perform({ method: 'inspect', argument: query })) as never,
    stats: async () => (await perform({ method: 'stats' })) as never,
    drain: async (options) => void (await perform({ method: 'drain', argument: options })),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await exited
    },
  }
}
