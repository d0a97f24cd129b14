import * as z from 'zod'
import { HttpNetwork } from '../../stores/resonate/http-network.ts'
import type { ResonateMessage, ResonateNetwork } from '../../stores/resonate/resonate-network.ts'
import { reasonOf } from '../host-answer.ts'
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
  /** Told by each request that fails after nothing else was answered for `unavailableAfterMs`. */
  onSilence: (reason: string) => void
}

export function createTaskNetwork(
  { url, token, clock, unavailableAfterMs }: ResolvedResonateOptions,
  { group, pid }: { readonly group: string; readonly pid: string },
): TaskNetwork {
  const http = new HttpNetwork({ url, token, headers: {}, group, host: pid, timeoutMs: requestTimeoutMs, clock })
  const tasks: TaskNetwork = {
    onTask: () => {},
    onReconnect: () => {},
    onSilence: () => {},
    network: {
      unicast: http.unicast,
      init: () => http.init(),
      stop: () => http.stop(),
      send: (request, options) => send(request, options),
      recv: (callback) => http.recv((message) => receive(message, callback)),
      onGap: (callback) =>
        http.onGap(() => {
          callback()
          tasks.onReconnect()
        }),
    },
  }
  let silentSinceMs: number | undefined
  const note = (failure: string | undefined): void => {
    const nowMs = clock.now()
    silentSinceMs = failure === undefined ? undefined : (silentSinceMs ?? nowMs)
    if (failure !== undefined && nowMs - silentSinceMs! >= unavailableAfterMs) tasks.onSilence(failure)
  }
  const send: ResonateNetwork['send'] = async (request, options) => {
    try {
      const response = await http.send(request, options)
      const { status } = response.head
      note(status >= 500 ? `the server answered ${status}` : undefined)
      return response
    } catch (error) {
      // whoever left says nothing of the server
      if (options?.signal?.aborted !== true) note(reasonOf(error))
      throw error
    }
  }
  const receive = (message: ResonateMessage, pass: (message: ResonateMessage) => void): void => {
    if (message.kind !== 'execute') return pass(message)
    const { success, data } = executeSchema.safeParse(message.data)
    if (success) tasks.onTask(data.task)
  }
  return tasks
}
