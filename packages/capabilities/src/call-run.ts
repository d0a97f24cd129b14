import {
  CapsuleError,
  type CapabilityContext,
  type CapabilityLimits,
  type Clock,
  isCapabilityReply,
  type Logger,
  type Timer,
} from '@capsule/core'
import { cancelled, errorAnswer, outcomeOfAbort, redactError } from './answer-error.ts'
import type { CallOutcome } from './audit-record.ts'
import type { Overrun } from './budget-account.ts'
import { createCallContext } from './call-context.ts'
import type { CapabilityCall } from './capability-call.ts'
import { encodeWhole } from './encode-whole.ts'
import { capabilityErrors } from './errors.ts'
import { leaveBody, MeteredBody } from './metered-body.ts'
import type { Redactor } from './redactor.ts'
import type { CapabilityAnswer } from './session-capabilities.ts'
import { readThrown } from './thrown.ts'

export interface CallRunParts {
  readonly sessionId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly redactor: Redactor
  readonly valueBytes: number
  /** The call is over, with its body. */
  readonly onEnd: (call: CapabilityCall, outcome: CallOutcome, error: CapsuleError | undefined, ranMs: number) => void
  /** Its place is free: the handler is done too. */
  readonly onFree: (call: CapabilityCall) => void
  /** The handler did not end with its call. The result is to be called when it does. */
  readonly onLate: (call: CapabilityCall) => (hasResult: boolean) => void
}

/** One run of a handler: from `invoke` to the end of the body. The caller is answered when the call ends, not when the handler does. */
export class CallRun {
  readonly #call: CapabilityCall
  readonly #parts: CallRunParts
  readonly #limits: CapabilityLimits
  readonly #controller = new AbortController()
  /** For whoever sends the body, so its reason is what the cell may know. */
  readonly #bodyOver = new AbortController()
  readonly #startedAtMs: number
  #resolve: ((answer: CapabilityAnswer) => void) | undefined
  #deadline: Timer | undefined
  #inputBody: MeteredBody<Uint8Array> | undefined
  #replyBody: MeteredBody<unknown> | undefined
  #isHandlerDone = false
  #isEnded = false
  #whenLateDone: ((hasResult: boolean) => void) | undefined
  readonly #onOverrun = (overrun: Overrun): void => this.#call.abort(this.#overrunError(overrun))

  constructor(call: CapabilityCall, limits: CapabilityLimits, parts: CallRunParts) {
    this.#call = call
    this.#parts = parts
    this.#limits = limits
    this.#startedAtMs = parts.clock.now()
  }

  start(): Promise<CapabilityAnswer> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      const call = this.#call
      call.isMade = true
      call.onAbort((error) => this.#fail(error, outcomeOfAbort(error)))
      const { timeoutMs } = this.#limits
      // the cell's own deadline has begun already
      if (timeoutMs !== Infinity && timeoutMs !== call.request.timeoutMs) {
        this.#deadline = this.#parts.clock.setTimer(timeoutMs, () => {
          call.abort(capabilityErrors.CAPABILITY_TIMED_OUT({ capability: call.plan.name, timeoutMs }))
        })
      }
      for (const account of call.accounts) account.startTime(this.#onOverrun)
      this.#invoke().then(
        (result) => this.#handlerDone(true, result),
        (thrown: unknown) => this.#handlerDone(false, thrown),
      )
    })
  }

  // async, so that what is thrown at once is a rejection too
  async #invoke(): Promise<unknown> {
    const { plan, input } = this.#call
    return plan.capability.invoke(input, this.#context())
  }

  #context(): CapabilityContext {
    const { sessionId, redactor, logger } = this.#parts
    const call = this.#call
    if (call.request.body !== undefined) this.#inputBody = this.#meterInput(call.request.body)
    return createCallContext({
      call,
      sessionId,
      logger,
      redactor,
      signal: this.#controller.signal,
      limits: this.#limits,
      body: this.#inputBody,
    })
  }

  #handlerDone(isResult: boolean, given: unknown): void {
    this.#isHandlerDone = true
    if (this.#isEnded) {
      this.#parts.onFree(this.#call)
      this.#whenLateDone?.(isResult)
      if (isResult) dropBody(given)
      return
    }
    this.#call.isFinal = true
    if (!isResult) return this.#fail(this.#errorOf(given), 'failed')
    try {
      this.#succeed(given)
    } catch (thrown) {
      // what a hostile object does to whoever looks at it
      this.#fail(this.#errorOf(thrown), 'failed')
    }
  }

  #succeed(result: unknown): void {
    const { capability, name } = this.#call.plan
    const reply = isCapabilityReply(result) ? result : undefined
    if (reply !== undefined && capability.returns === 'value') {
      const problems = ['it came with a stream, and the capability returns a value']
      leaveBody(reply.body)
      return this.#fail(capabilityErrors.CAPABILITY_RESULT_INVALID({ capability: name, problems }), 'failed')
    }
    const checked = capability.checkOutput(reply === undefined ? result : reply.value)
    const encoded = checked.isValid
      ? encodeWhole(name, checked.value, Math.min(this.#limits.outputBytes, this.#parts.valueBytes))
      : capabilityErrors.CAPABILITY_RESULT_INVALID({ capability: name, problems: checked.problems })
    const refusal = encoded instanceof Uint8Array ? this.#takeOutput(encoded.length) : encoded
    if (!(encoded instanceof Uint8Array) || refusal !== undefined) {
      if (reply !== undefined) leaveBody(reply.body)
      return this.#fail(refusal as CapsuleError, 'failed')
    }
    if (capability.returns === 'value') {
      this.#end('ok', undefined)
      return this.#answer({ kind: 'value', value: encoded })
    }
    this.#replyBody = this.#meterReply(reply?.body ?? noBody())
    this.#answer({ kind: 'value', value: encoded, body: this.#replyBody, signal: this.#bodyOver.signal })
  }

  #meterInput(source: AsyncIterable<Uint8Array>): MeteredBody<Uint8Array> {
    const call = this.#call
    return new MeteredBody({
      source,
      take: (chunk) => {
        const { length } = chunk
        const refusal = this.#findInputRefusal(length)
        if (refusal === undefined) {
          call.inputBytes += length
          for (const account of call.accounts) account.takeInput(length)
        } else call.abort(refusal)
        return refusal
      },
      // what the cell's own stream failed with is the handler's to see
      errorOf: (thrown) => thrown,
      onEnd: () => {},
    })
  }

  #findInputRefusal(length: number): CapsuleError | undefined {
    const { inputBytes, plan, accounts } = this.#call
    const { inputBytes: limitBytes } = this.#limits
    if (inputBytes + length > limitBytes) {
      const bytes = inputBytes + length
      return capabilityErrors.CAPABILITY_INPUT_TOO_LARGE({ capability: plan.name, bytes, limitBytes })
    }
    for (const account of accounts) {
      const overrun = account.findInputOverrun(length)
      if (overrun !== undefined) return this.#overrunError(overrun)
    }
    return undefined
  }

  #meterReply(source: AsyncIterable<unknown>): MeteredBody<unknown> {
    const { name } = this.#call.plan
    return new MeteredBody({
      source,
      take: (chunk) => {
        const left = Math.max(0, this.#limits.outputBytes - this.#call.outputBytes)
        const encoded = chunk instanceof Uint8Array ? chunk : encodeWhole(name, chunk, left)
        return encoded instanceof Uint8Array ? this.#takeOutput(encoded.length) : encoded
      },
      errorOf: (thrown) => redactError(this.#errorOf(thrown), this.#parts.redactor),
      onEnd: (how, error) => {
        if (how === 'failed') return this.#end('failed', error as CapsuleError)
        // what the handler still does for it is of no use
        if (how === 'left') this.#controller.abort(cancelled(name))
        this.#end('ok', undefined)
      },
    })
  }

  /** Counts it, or says why it must not go out. */
  #takeOutput(length: number): CapsuleError | undefined {
    const call = this.#call
    const { outputBytes: limitBytes } = this.#limits
    const bytes = call.outputBytes + length
    if (bytes > limitBytes) {
      return capabilityErrors.CAPABILITY_RESULT_TOO_LARGE({ capability: call.plan.name, bytes, limitBytes })
    }
    for (const account of call.accounts) {
      const overrun = account.findOutputOverrun(length)
      if (overrun !== undefined) return this.#overrunError(overrun)
    }
    call.outputBytes = bytes
    for (const account of call.accounts) account.takeOutput(length)
    return undefined
  }

  #overrunError(overrun: Overrun): CapsuleError {
    const { plan, rule } = this.#call
    return capabilityErrors.CAPABILITY_BUDGET_EXCEEDED({ capability: plan.name, rule: rule?.id ?? '', ...overrun })
  }

  /** What the cell may know of what a handler threw; the rest is kept for the host. */
  #errorOf(thrown: unknown): CapsuleError {
    const { code, message, detail } = readThrown(thrown)
    const call = this.#call
    call.detail = detail
    if (code !== undefined && this.#parts.redactor.redact(code) === code) return new CapsuleError(code, message, {})
    return capabilityErrors.CAPABILITY_FAILED({ capability: call.plan.name })
  }

  #fail(error: CapsuleError, outcome: CallOutcome): void {
    if (this.#isEnded) return
    this.#end(outcome, error)
    this.#answer(errorAnswer(error, this.#parts.redactor))
  }

  /** The first one counts. */
  #answer(answer: CapabilityAnswer): void {
    this.#resolve?.(answer)
    this.#resolve = undefined
  }

  #end(outcome: CallOutcome, error: CapsuleError | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const call = this.#call
    call.onAbort(undefined)
    this.#deadline?.cancel()
    for (const account of call.accounts) account.stopTime(this.#onOverrun)
    const isAtWork = !this.#isHandlerDone || this.#replyBody !== undefined
    if (error !== undefined && isAtWork) this.#controller.abort(error)
    this.#inputBody?.fail(error ?? cancelled(call.plan.name))
    if (error !== undefined && this.#replyBody !== undefined) {
      const told = redactError(error, this.#parts.redactor)
      this.#replyBody.fail(told)
      this.#bodyOver.abort(told)
    }
    this.#parts.onEnd(call, outcome, error, this.#parts.clock.now() - this.#startedAtMs)
    if (this.#isHandlerDone) this.#parts.onFree(call)
    else this.#whenLateDone = this.#parts.onLate(call)
  }
}

/** Nobody will read the body of this result. */
function dropBody(result: unknown): void {
  try {
    if (isCapabilityReply(result)) leaveBody(result.body)
  } catch {
    // a hostile object
  }
}

async function* noBody(): AsyncGenerator<never> {}
