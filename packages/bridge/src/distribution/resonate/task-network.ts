import * as z from 'zod'
import { HttpNetwork } from '../../stores/resonate/http-network.ts'
import type { ResonateMessage, ResonateNetwork } from '../../stores/resonate/resonate-network.ts'
import type { ResolvedResonateOptions } from './resonate-options.ts'

/** A task as a message or an answer names it. The version counts the times that somebody took it. */
export interface TaskReference {
  readonly id: string
  readonly version: number
}

const requestTimeoutMs = 10_000
const executeSchema = z.object({ task: z.object({ id: z.string(), version: z.number() }) })

/** One address of the server: promises go on to the store over it, tasks come here. */
export interface TaskNetwork {
  readonly network: ResonateNetwork
  /** Told of tasks that wait to be taken. They come once the store waits for something. */
  onTask: (task: TaskReference) => void
  /** Told when the stream of messages is back: some may be lost. */
  onReconnect: () => void
}

export function createTaskNetwork(
  { url, token, clock }: ResolvedResonateOptions,
  { group, pid }: { readonly group: string; readonly pid: string },
): TaskNetwork {
  const http = new HttpNetwork({ url, token, headers: {}, group, host: pid, timeoutMs: requestTimeoutMs, clock })
  const tasks: TaskNetwork = {
    onTask: () => {},
    onReconnect: () => {},
    network: {
      unicast: http.unicast,
      init: () => http.init(),
      stop: () => http.stop(),
      send: (request, options) => http.send(request, options),
      recv: (callback) => http.recv((message) => receive(message, callback)),
      onGap: (callback) =>
        http.onGap(() => {
          callback()
          tasks.onReconnect()
        }),
    },
  }
  const receive = (message: ResonateMessage, pass: (message: ResonateMessage) => void): void => {
    if (message.kind !== 'execute') return pass(message)
    const { success, data } = executeSchema.safeParse(message.data)
    if (success) tasks.onTask(data.task)
  }
  return tasks
}
