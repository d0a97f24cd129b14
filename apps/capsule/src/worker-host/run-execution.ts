import { bridgeErrors, type ExecutionResult, type RunExecution } from '@capsule/bridge'
import type { Pool } from '@capsule/host'
import type { RunOptions, RunResult } from '@capsule/session'
import type { KeptSessions } from './kept-sessions.ts'

/** Of one execution, in characters: it travels through the engine, and is kept there. */
const maxOutputLength = 1024 * 1024

export interface RunExecutionParts {
  /** Its leases show nothing of each other. */
  readonly pool: Pick<Pool, 'use'>
  readonly kept: KeptSessions
  /** Named when a session is not here. */
  readonly host: string
  readonly timeoutMs: number | undefined
}

/** Runs what the engine brings: in a session of its own, or in the kept one that it names. */
export function createRunExecution({ pool, kept, host, timeoutMs: defaultMs }: RunExecutionParts): RunExecution {
  return async ({ code, timeoutMs = defaultMs, sessionName, continuesSession = false }, _attempt, { signal }) => {
    const options: RunOptions = { signal, maxOutputLength, ...(timeoutMs !== undefined && { timeoutMs }) }
    if (sessionName === undefined) return pool.use(async (session) => resultOf(await session.run(code, options)))
    const mayOpen = !continuesSession
    // no idempotency key: an id stands for one execution of each place, and a session is reached from two
    const result = await kept.use(sessionName, { mayOpen }, (session) => session.run(code, { ...options, queue: true }))
    if (result === undefined) throw bridgeErrors.SESSION_HOST_LOST({ host })
    return resultOf(result)
  }
}

function resultOf({ outcome, stdout, stderr }: RunResult): ExecutionResult {
  return { outcome, stdout, stderr }
}
