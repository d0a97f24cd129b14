import { type Clock, sleep } from '@capsule/core'
import * as restate from '@restatedev/restate-sdk'
import { encodeAnswer } from '../answer-text.ts'
import { checkExecution } from '../distribution-options.ts'
import type { DispatchedExecution } from '../execution-distributor.ts'
import { answerOfFailure, answerOfTooMany, reasonOf } from '../host-answer.ts'
import type { Admission, HostedOutcome } from '../hosted-executions.ts'
import { AttemptJournal } from './attempt-journal.ts'

export interface RestateExecutionOptions {
  readonly host: string
  readonly admit: (id: string) => Admission | undefined | Promise<Admission | undefined>
  /** What no admission means: another host may have a place, or nobody else can have the session. */
  readonly refusal: 'elsewhere' | 'session-lost'
  readonly maxAttempts: number
  readonly lostAfterMs: number
  readonly clock: Clock
}

export type RestateExecutionContext = Pick<restate.Context, 'run' | 'request'>

/** How soon the server asks again after a host without a free place. */
const fullRetryMs = 50
const firstPauseMs = 50
const longestPauseMs = 400

/** One invocation is one execution, however often the server has to ask for it. */
export async function runRestateExecution(
  context: RestateExecutionContext,
  given: unknown,
  options: RestateExecutionOptions,
): Promise<string> {
  const { refusal, host, clock, lostAfterMs } = options
  const execution = executionOf(given)
  const { attemptCompletedSignal: over } = context.request()
  const journal = new AttemptJournal({ context, clock, everyMs: lostAfterMs / 3, over })
  for (let failures = 0; ; failures++) {
    const admission = await admitted(execution.id, { journal, over, ...options })
    if (journal.answer !== undefined) return journal.answer
    if (admission === undefined) {
      if (refusal === 'session-lost') return journal.record(encodeAnswer({ type: 'session-lost', host }))
      // nothing is in the journal of this attempt yet: a host that is full costs none
      throw new restate.RetryableError(`${host} has no place`, { retryAfter: fullRetryMs })
    }
    try {
      return await attempt(execution, { admission, journal, ...options })
    } catch (error) {
      // the server gives a group's executions to whichever host; nobody else has what this one has, and the server's own
      // retries are for finding out whether it is there
      if (refusal === 'elsewhere' || over.aborted || error instanceof restate.TerminalError) throw error
    }
    await sleep(clock, Math.min(firstPauseMs * 2 ** failures, longestPauseMs), { signal: over })
  }
}

interface AttemptParts extends RestateExecutionOptions {
  readonly journal: AttemptJournal
}

/** Whoever waits for a place shows that it lives. */
async function admitted(
  id: string,
  { admit, refusal, journal, over }: AttemptParts & { readonly over: AbortSignal },
): Promise<Admission | undefined> {
  const release = (admission: Admission | undefined): Admission | undefined => {
    // once the connection is lost, what waits for the server waits for ever
    if (admission !== undefined) over.addEventListener('abort', admission.release, { once: true })
    if (over.aborted) admission?.release()
    return admission
  }
  if (refusal === 'elsewhere') return release(await admit(id))
  const admission = Promise.resolve(admit(id)).then(release)
  await journal.showLifeDuring(admission)
  if (journal.answer === undefined) return admission
  void admission.then((given) => given?.release())
  return undefined
}

/** Throws when another attempt is due. */
async function attempt(
  execution: DispatchedExecution,
  { admission, journal, host, maxAttempts }: AttemptParts & { readonly admission: Admission },
): Promise<string> {
  const number = admission.joins ?? (await journal.beginAttempt())
  const tooMany = answerOfTooMany(number, maxAttempts)
  if (journal.answer !== undefined || tooMany !== undefined) {
    admission.release()
    return journal.answer ?? journal.record(encodeAnswer(tooMany!))
  }
  const running = admission.run(execution, number)
  await journal.showLifeDuring(running)
  return journal.answer ?? journal.record(await answerOf(running, { host, attempt: number, maxAttempts }))
}

async function answerOf(
  running: Promise<HostedOutcome>,
  failed: { readonly host: string; readonly attempt: number; readonly maxAttempts: number },
): Promise<string> {
  try {
    return encodeAnswer({ type: 'outcome', host: failed.host, ...(await running) })
  } catch (error) {
    const answer = answerOfFailure(error, failed)
    if (answer === undefined) throw error
    return encodeAnswer(answer)
  }
}

/** What is no execution does not become one by asking again. */
function executionOf(given: unknown): DispatchedExecution {
  try {
    return checkExecution(given)
  } catch (error) {
    throw new restate.TerminalError(`not an execution: ${reasonOf(error)}`, { errorCode: 400 })
  }
}
