import { createCountingIds } from '@capsule/core'
import {
  createPool,
  type CreatePoolOptions,
  type Pool,
  type PoolEvents,
  type PooledSessionRequest,
} from '@capsule/pool'
import { createSession, type CreateSessionOptions, type Session } from '@capsule/session'
import { createScriptedWorker, type ScriptedProcess, type ScriptedWorker } from '@capsule/session/testing'
import { createFakeClock, createRecorder, type FakeClock, type Recorder, waitFor } from '@capsule/testing'
import { onTestFinished, vi } from 'vitest'

/** One session of the pool, and the worker behind it. */
export interface PooledSession {
  readonly session: Session
  readonly worker: ScriptedWorker
}

export interface PoolLab {
  readonly pool: Pool
  readonly clock: FakeClock
  /** The sessions that were created, in their order. */
  readonly created: Recorder<PooledSession>
  /** Attempts to create one, failed ones included. */
  readonly attempts: () => number
  /** Of the clock and of `Date`, which the breaker goes by. */
  readonly advance: (ms: number) => void
  /** While it is set, creating fails with it. */
  readonly failWith: (error: Error | undefined) => void
  /** While held, creating waits. */
  readonly hold: () => () => void
  readonly workerOf: (session: Session) => ScriptedProcess
}

export interface PoolLabOptions extends Partial<CreatePoolOptions> {
  readonly session?: Partial<CreateSessionOptions>
  readonly isDateFake?: boolean
}

/** A pool of real sessions over scripted workers, which answer each cell at once with its code as text; `hang` is never answered. */
export function openPool({ session: sessionOptions, isDateFake = false, ...options }: PoolLabOptions = {}): PoolLab {
  const clock = createFakeClock()
  if (isDateFake) {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
  }
  const ids = createCountingIds()
  const created = createRecorder<PooledSession>()
  let attempts = 0
  let failure: Error | undefined
  let held: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  const create = async ({ signal, warmup }: PooledSessionRequest): Promise<Session> => {
    attempts++
    await held?.promise
    if (failure !== undefined) throw failure
    const worker = createScriptedWorker({
      script(message, process) {
        if (message.type === 'inspect') {
          const answer = { what: 'namespace' as const, bindings: [] }
          return process.send({ type: 'inspect-result', requestId: message.requestId, answer })
        }
        if (message.type !== 'execute' || message.code === 'hang') return
        process.ack(message.executionId)
        if (message.code.includes('broken')) process.error(message.executionId)
        else
          process.result(message.executionId, {
            text: message.code,
            ...(message.code === 'taint' && { tainted: true }),
          })
      },
    })
    const { connect } = worker
    const session = await createSession({ connect, clock, ids, signal, warmup, ...sessionOptions })
    created.record({ session, worker })
    return session
  }
  const pool = createPool({ createSession: create, clock, ids, ...options })
  onTestFinished(() => pool.shutdown({ graceMs: 0 }))
  return {
    pool,
    clock,
    created,
    attempts: () => attempts,
    advance(ms) {
      if (isDateFake) vi.setSystemTime(Date.now() + ms)
      clock.advance(ms)
    },
    failWith: (error) => void (failure = error),
    hold() {
      held = Promise.withResolvers<void>()
      const { resolve } = held
      return () => {
        held = undefined
        resolve()
      }
    },
    workerOf(session) {
      const found = created.values.find(({ session: { sessionId } }) => sessionId === session.sessionId)
      if (found === undefined) throw new Error(`no session ${session.sessionId}`)
      return found.worker.process
    },
  }
}

export const heartbeat = {
  type: 'heartbeat',
  sequence: 1,
  uptimeMs: 1,
  heapUsedBytes: 1,
  cpuMs: 1,
  eventLoopDelayMs: 0,
  bindings: 0,
} as const

/** Records the events of one name from now on. */
export function eventsOf<Name extends keyof PoolEvents>(pool: Pool, name: Name): Recorder<PoolEvents[Name][0]> {
  const recorder = createRecorder<PoolEvents[Name][0]>()
  pool.events.on(name, ((facts: PoolEvents[Name][0]) => recorder.record(facts)) as never)
  return recorder
}

/** Resolves when the pool keeps what it has to keep. */
export const warm = (pool: Pool): Promise<void> => waitFor(pool.warmUp(), { what: 'a warm pool' })
