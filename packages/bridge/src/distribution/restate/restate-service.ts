import * as restate from '@restatedev/restate-sdk'
import type { DispatchedExecution } from '../execution-distributor.ts'
import { encodeAnswer } from '../answer-text.ts'
import { answerOfFailure } from '../host-answer.ts'
import type { Admission } from '../hosted-executions.ts'
import { handlerName } from './restate-names.ts'

export interface RestateServiceOptions {
  readonly name: string
  readonly host: string
  readonly admit: (id: string) => Admission | undefined | Promise<Admission | undefined>
  /** What no admission means: another host may have a place, or nobody else can have the session. */
  readonly refusal: 'elsewhere' | 'session-lost'
  readonly maxAttempts: number
  readonly retentionMs: number
  readonly retryPolicy: NonNullable<restate.ServiceOptions['retryPolicy']>
}

/** How soon the server asks again after a host without a free place. */
const fullRetryMs = 50
/** A cell may say nothing for as long as it likes: it is no stalled invocation. */
const foreverMs = 365 * 24 * 60 * 60_000

/** The service of a group or of a host: one invocation is one execution. */
export function createRestateService(options: RestateServiceOptions): restate.ServiceDefinition<string, unknown> {
  const { name, retentionMs, retryPolicy } = options
  const run = (context: restate.Context, execution: DispatchedExecution): Promise<string> =>
    runExecution(context, execution, options)
  return restate.service({
    name,
    handlers: { [handlerName]: run },
    options: {
      retryPolicy,
      idempotencyRetention: retentionMs,
      journalRetention: 0,
      inactivityTimeout: foreverMs,
      abortTimeout: foreverMs,
    },
  })
}

async function runExecution(
  context: restate.Context,
  execution: DispatchedExecution,
  { admit, refusal, host, maxAttempts }: RestateServiceOptions,
): Promise<string> {
  const admission = await admit(execution.id)
  if (admission === undefined) {
    if (refusal === 'session-lost') return encodeAnswer({ type: 'session-lost', host })
    // nothing is in the journal of this attempt yet: a host that is full costs none
    throw new restate.RetryableError(`${host} has no place`, { retryAfter: fullRetryMs })
  }
  let attempt = 0
  try {
    attempt = await countAttempt(context, host)
    return encodeAnswer({ type: 'outcome', host, ...(await admission.run(execution, attempt)) })
  } catch (error) {
    // the server is gone, not the execution
    if (attempt === 0) throw error
    const answer = answerOfFailure(error, { host, attempt, maxAttempts })
    if (answer === undefined) throw error
    return encodeAnswer(answer)
  } finally {
    admission.release()
  }
}

/**
 * Each attempt adds one entry to the journal before it begins: those that are replayed are the attempts before. (What the
 * server counts as retries has every refused connection in it.)
 */
async function countAttempt(context: restate.Context, host: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    let isNew = false
    await context.run(`attempt ${attempt}`, () => {
      isNew = true
      return host
    })
    if (isNew) return attempt
  }
}
