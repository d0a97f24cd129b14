import {
  type CapabilityContext,
  type CapabilityProvider,
  coreErrors,
  createLogger,
  isCapsuleError,
  type LogFields,
  type LogLevel,
  systemClock,
  withAbort,
} from '@capsule/core'
import { limitedBytes } from './body-stream.ts'
import { type CallAnswer, readReply, type ReplyParts } from './call-reply.ts'
import { type CallRequest, type CapabilityCallOptions, readRequest } from './call-request.ts'
import { harnessErrors } from './harness-errors.ts'

export interface CapabilityLogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** All that a call leaves behind, whether it succeeds or not. */
export interface CallTrace {
  readonly annotations: Record<string, string | number | boolean>
  readonly logs: CapabilityLogLine[]
  /** What a person who approves the call would see; undefined before the arguments were checked. */
  description: string | undefined
  isInvoked: boolean
}

export interface RunningCall {
  readonly trace: CallTrace
  /** As a cell sees it: rejects as soon as the call is aborted, whatever the handler does. */
  readonly answer: Promise<CallAnswer>
  /** When the handler and the reading of its body have ended. */
  readonly ended: Promise<void>
}

/** What a contract puts in the place of what a broker does. */
export interface Wiring {
  /** The handler gets a signal that has aborted already. */
  readonly isAbortedFirst?: boolean
  readonly readBody?: NonNullable<ReplyParts['readBody']>
}

/** Calls as the broker of a host does. */
export function startCapabilityCall(
  provider: CapabilityProvider,
  name: string,
  args: readonly unknown[],
  options: CapabilityCallOptions = {},
  wiring: Wiring = {},
): RunningCall {
  const trace: CallTrace = { annotations: {}, logs: [], description: undefined, isInvoked: false }
  const controller = new AbortController()
  const capability = `${provider.name}.${name}`
  const work = runCall({ provider, name, args, options, wiring, trace, controller }).catch((error: unknown) => {
    const typed = isCapsuleError(error) ? error : harnessErrors.CAPABILITY_FAILED({ capability }, { cause: error })
    // what the handler has begun is of no use any more
    if (!controller.signal.aborted) controller.abort(typed)
    throw typed
  })
  const answer = withAbort(work, controller.signal, capability).catch(() => {
    throw controller.signal.reason
  })
  const ended = work.then(
    ({ chunks = [] }) => {
      if (chunks.length >= (options.maxChunks ?? Infinity)) controller.abort(coreErrors.CANCELLED({ what: capability }))
    },
    () => {},
  )
  return { trace, answer, ended }
}

interface CallParts {
  readonly provider: CapabilityProvider
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: CapabilityCallOptions
  readonly wiring: Wiring
  readonly trace: CallTrace
  readonly controller: AbortController
}

async function runCall(parts: CallParts): Promise<CallAnswer> {
  const { provider, name, trace, controller } = parts
  const full = `${provider.name}.${name}`
  const { capability, input, limits, bytes, options } = readRequest(provider, name, parts.args, parts.options)
  trace.description = capability.describeCall(input)
  const release = watch(controller, full, { ...options, timeoutMs: limits.timeoutMs })
  try {
    controller.signal.throwIfAborted()
    const context = contextOf(parts, full, { limits, bytes, options })
    if (parts.wiring.isAbortedFirst) controller.abort(coreErrors.CANCELLED({ what: full }))
    trace.isInvoked = true
    const reply = await capability.invoke(input, context)
    const { maxChunks = Infinity } = parts.options
    const { readBody } = parts.wiring
    return await readReply({ capability, full, reply, limits, maxChunks, readBody, signal: controller.signal })
  } finally {
    release()
  }
}

/** Aborts at the deadline, and when the caller does. */
function watch(controller: AbortController, what: string, options: CapabilityCallOptions): () => void {
  const { signal, timeoutMs = Infinity, clock = systemClock } = options
  const cancel = (): void => controller.abort(coreErrors.CANCELLED({ what }, { cause: signal?.reason }))
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  const expire = (): void => controller.abort(harnessErrors.CAPABILITY_TIMED_OUT({ capability: what, timeoutMs }))
  const timer = timeoutMs === Infinity ? undefined : clock.setTimer(timeoutMs, expire)
  return () => {
    signal?.removeEventListener('abort', cancel)
    timer?.cancel()
  }
}

function contextOf(
  { provider, trace, controller, options: { body, logger } }: CallParts,
  capability: string,
  { limits, bytes, options: { idempotencyKey } }: Pick<CallRequest, 'limits' | 'bytes' | 'options'>,
): CapabilityContext {
  const { signal } = controller
  const tooLarge = (): Error =>
    harnessErrors.CAPABILITY_INPUT_TOO_LARGE({ capability, what: 'streamed bytes', limitBytes: limits.inputBytes })
  return {
    capability,
    sessionId: 'session-1',
    executionId: 'execution-1',
    callId: 'call-1',
    signal,
    limits,
    logger: logger ?? createLogger((level, message, fields) => void trace.logs.push({ level, message, fields })),
    secrets: secretsOf(provider),
    idempotencyKey,
    body: body && limitedBytes(body, { signal, limitBytes: limits.inputBytes - bytes, tooLarge }),
    annotate: (facts) => void Object.assign(trace.annotations, facts),
  }
}

/** Asked for at each use; one that fails is a failure of the call. */
function secretsOf({ secrets }: CapabilityProvider): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(secrets).map(([name, get]) => [name, get()])))
}
