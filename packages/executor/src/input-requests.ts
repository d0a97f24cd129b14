import { type Clock, coreErrors, createCountingIds, type IdSource, type Timer } from '@capsule/core'
import type { InputRequestMessage, InputResponseMessage } from '@capsule/protocol'
import { errorOf } from './error-of.ts'
import { executorErrors } from './errors.ts'

export interface InputOptions {
  /** The answer is not to be shown while it is typed. @defaultValue false */
  readonly secret?: boolean | undefined
  /** How long to wait for the answer. @defaultValue no limit */
  readonly timeoutMs?: number | undefined
}

export interface InputRequestsOptions {
  /** @defaultValue a counting source */
  readonly ids?: IdSource
  /** Sends the request behind the output written so far. */
  readonly emit: (message: InputRequestMessage) => void
  readonly currentExecutionId: () => string | undefined
  /** Whether that execution can still be answered. @defaultValue every one */
  readonly isRunning?: (executionId: string) => boolean
  /** The engine's: calls the listener when the execution is cancelled; returns the way to unregister. */
  readonly onCancel: (executionId: string, listener: (error: Error) => void) => () => void
  readonly clock: Clock
}

/** The open questions of the cells to a person. */
export interface InputRequests {
  /** The `input` builtin of cells. @throws INPUT_EOF, TIMED_OUT, CANCELLED, INPUT_OUTSIDE_CELL as a rejection */
  input(prompt?: string, options?: InputOptions): Promise<string>
  /**
   * Emits a request of the current execution for a caller that waits by itself, as a blocking `prompt()` does; it ends
   * with `take` or `abandon`. @throws INPUT_OUTSIDE_CELL
   */
  open(prompt?: string, options?: InputOptions): InputRequestMessage
  /** The text of the answer to an opened request, which is over then. @throws INPUT_EOF, TIMED_OUT */
  take(message: InputResponseMessage): string
  /** Forgets an opened request that was not answered. */
  abandon(inputId: string): void
  /** Settles the `input()` that the message answers; says whether there was one. */
  respond(message: InputResponseMessage): boolean
  readonly pending: readonly InputRequestMessage[]
  /** Rejects what the execution still asks with CANCELLED. */
  close(executionId: string): void
}

interface Question {
  readonly request: InputRequestMessage
  /** Absent: opened for a caller that waits by itself. */
  readonly settle?: { readonly answer: (text: string) => void; readonly fail: (error: Error) => void }
}

export function createInputRequests(options: InputRequestsOptions): InputRequests {
  const { ids = createCountingIds(), emit } = options
  const questions = new Map<string, Question>()
  const request = (prompt: string, inputOptions: InputOptions): InputRequestMessage =>
    requestOf(prompt, inputOptions, { ...options, ids })

  return {
    // not async: the request must be on its way before the cell goes on
    input(prompt = '', inputOptions = {}) {
      try {
        return ask(request(`${prompt}`, inputOptions), questions, options)
      } catch (error) {
        return Promise.reject(error as Error)
      }
    },
    open(prompt = '', inputOptions = {}) {
      const message = request(`${prompt}`, inputOptions)
      questions.set(message.inputId, { request: message })
      emit(message)
      return message
    },
    take(message) {
      const question = questions.get(message.inputId)
      questions.delete(message.inputId)
      const failure = failureOf(message, question?.request)
      if (failure !== undefined) throw failure
      return message.answer.kind === 'text' ? message.answer.text : ''
    },
    abandon(inputId) {
      questions.delete(inputId)
    },
    respond(message) {
      const question = questions.get(message.inputId)
      if (question?.settle === undefined || question.request.executionId !== message.executionId) return false
      const failure = failureOf(message, question.request)
      if (failure !== undefined) question.settle.fail(failure)
      else if (message.answer.kind === 'text') question.settle.answer(message.answer.text)
      return true
    },
    get pending() {
      return [...questions.values()].map((question) => question.request)
    },
    close(executionId) {
      for (const {
        request: { inputId, executionId: asker },
        settle,
      } of questions.values()) {
        if (asker !== executionId) continue
        if (settle === undefined) questions.delete(inputId)
        else settle.fail(coreErrors.CANCELLED({ what: 'input()' }))
      }
    },
  }
}

/** @throws INPUT_OUTSIDE_CELL */
function requestOf(
  prompt: string,
  { secret, timeoutMs }: InputOptions,
  { ids, currentExecutionId, isRunning }: InputRequestsOptions & { readonly ids: IdSource },
): InputRequestMessage {
  const executionId = currentExecutionId()
  if (executionId === undefined || isRunning?.(executionId) === false)
    throw executorErrors.INPUT_OUTSIDE_CELL({ executionId })
  return {
    type: 'input-request',
    executionId,
    inputId: ids.next('input'),
    prompt,
    ...(secret === true ? { secret } : {}),
    ...(isTimeout(timeoutMs) ? { timeoutMs } : {}),
  }
}

/** Emits the request and waits for its answer, its deadline or the cancel of its execution, whichever comes first. */
function ask(
  message: InputRequestMessage,
  questions: Map<string, Question>,
  { emit, onCancel, clock }: InputRequestsOptions,
): Promise<string> {
  const { executionId, inputId, timeoutMs } = message
  let timer: Timer | undefined
  let unregister: (() => void) | undefined
  const promise = new Promise<string>((resolve, reject) => {
    const settled =
      <Value>(then: (value: Value) => void) =>
      (value: Value): void => {
        if (!questions.delete(inputId)) return
        timer?.cancel()
        unregister?.()
        then(value)
      }
    const fail = settled(reject)
    questions.set(inputId, { request: message, settle: { answer: settled(resolve), fail } })
    unregister = onCancel(executionId, fail)
    if (timeoutMs !== undefined) timer = clock.setTimer(timeoutMs, () => fail(timedOut(timeoutMs)))
  })
  // an execution already cancelled has failed the question while it was registered
  if (questions.has(inputId)) emit(message)
  else {
    timer?.cancel()
    unregister?.()
  }
  return promise
}

function isTimeout(timeoutMs: number | undefined): timeoutMs is number {
  return timeoutMs !== undefined && timeoutMs >= 0 && timeoutMs < Infinity
}

function failureOf({ answer }: InputResponseMessage, request: InputRequestMessage | undefined): Error | undefined {
  switch (answer.kind) {
    case 'text':
      return undefined
    case 'eof':
      return executorErrors.INPUT_EOF({ prompt: request?.prompt ?? '' })
    case 'timed-out':
      return timedOut(request?.timeoutMs ?? 0)
    case 'refused':
      return errorOf(answer.error)
  }
}

function timedOut(timeoutMs: number): Error {
  return coreErrors.TIMED_OUT({ what: 'input()', timeoutMs })
}
