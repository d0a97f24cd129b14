import { type Clock, sleep } from '@capsule/core'
import * as restate from '@restatedev/restate-sdk'
import { encodeAnswer } from '../answer-text.ts'
import type { DispatchedExecution } from '../execution-distributor.ts'
import { answerOfFailure, answerOfTooMany } from '../host-answer.ts'
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
  readonly lostAfterMs: number
  readonly clock: Clock
  readonly retryPolicy: NonNullable<restate.ServiceOptions['retryPolicy']>
}

/** How soon the server asks again after a host without a free place. */
const fullRetryMs = 50

/** The service of a group or of a host: one invocation is one execution. */
export function createRestateService(options: RestateServiceOptions): restate.ServiceDefinition<string, unknown> {
  const { name, retentionMs, lostAfterMs, retryPolicy } = options
  const run = (context: restate.Context, execution: DispatchedExecution): Promise<string> =>
    runExecution(context, execution, options)
  return restate.service({
    name,
    handlers: { [handlerName]: run },
    options: {
      retryPolicy,
      idempotencyRetention: retentionMs,
      journalRetention: 0,
      // no sign for as long: the server asks the host to stop, and then asks another one
      inactivityTimeout: lostAfterMs,
      abortTimeout: Math.ceil(lostAfterMs / 10),
    },
  })
}

async function runExecution(
  context: restate.Context,
  execution: DispatchedExecution,
  { admit, refusal, host, maxAttempts, clock, lostAfterMs }: RestateServiceOptions,
): Promise<string> {
  const { attemptCompletedSignal: over } = context.request()
  const admission = await admit(execution.id)
  if (admission === undefined) {
    if (refusal === 'session-lost') return encodeAnswer({ type: 'session-lost', host })
    // nothing is in the journal of this attempt yet: a host that is full costs none
    throw new restate.RetryableError(`${host} has no place`, { retryAfter: fullRetryMs })
  }
  // once the connection is lost, what waits for the server waits for ever
  over.addEventListener('abort', admission.release, { once: true })
  if (over.aborted) admission.release()
  const attempt = await countAttempt(context)
  const tooMany = answerOfTooMany(attempt, maxAttempts)
  if (tooMany !== undefined) {
    admission.release()
    return encodeAnswer(tooMany)
  }
  const running = admission.run(execution, attempt)
  try {
    await showLife(context, running, { clock, everyMs: lostAfterMs / 3, over })
    return encodeAnswer({ type: 'outcome', host, ...(await running) })
  } catch (error) {
    const answer = answerOfFailure(error, { host, attempt, maxAttempts })
    if (answer === undefined) throw error
    return encodeAnswer(answer)
  }
}

/** All entries have one name: the server refuses a journal that is replayed with other names. */
const mark = 'mark'

/**
 * Each attempt adds an entry to the journal before it begins: those that are replayed are the attempts before. (What the
 * server counts as retries has every refused connection in it.)
 */
async function countAttempt(context: restate.Context): Promise<number> {
  for (let attempts = 1; ;) {
    let isNew = false
    const entry = await context.run(mark, () => {
      isNew = true
      return 'attempt'
    })
    if (isNew) return attempts
    if (entry === 'attempt') attempts++
  }
}

/** Adds an entry now and then until it has run: the server takes a host that says nothing for lost. */
async function showLife(
  context: restate.Context,
  running: Promise<unknown>,
  { clock, everyMs, over }: { clock: Clock; everyMs: number; over: AbortSignal },
): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  void running.then(end, end)
  const signal = AbortSignal.any([ended.signal, over])
  while (!signal.aborted) {
    await sleep(clock, everyMs, { signal }).catch(() => {})
    if (!signal.aborted) await context.run(mark, () => 'alive')
  }
}
