import {
  type Capability,
  capabilityBody,
  type CapabilityContext,
  type CapabilityLimits,
  type CapabilityProvider,
  type Clock,
  coreErrors,
  createLogger,
  isCapabilityReply,
  isCapsuleError,
  type LogFields,
  type Logger,
  type LogLevel,
  systemClock,
  withAbort,
} from '@capsule/core'
import { collectBody, leaveBody, limitedBytes } from './body-stream.ts'
import { cross } from './crossing.ts'
import { harnessErrors } from './harness-errors.ts'
import { type CallOptions, mapArguments } from './map-arguments.ts'

export interface CapabilityCallOptions extends CallOptions {
  /** What the cell streams into the `bodyField` of the capability. */
  readonly body?: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined
  /** What a grant would set: it only lowers what the capability has. */
  readonly limits?: Partial<CapabilityLimits>
  /** Leaves the body of the reply after so many chunks. @defaultValue Infinity */
  readonly maxChunks?: number
  /** @defaultValue one that `logs` of the result keeps */
  readonly logger?: Logger
  /** Of the deadline. @defaultValue `systemClock` */
  readonly clock?: Clock
}

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

export interface CallAnswer {
  readonly value: unknown
  /** Undefined when the reply has no body. */
  readonly chunks: readonly unknown[] | undefined
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
  readonly readBody?: (body: AsyncIterable<unknown>) => Promise<readonly unknown[]>
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
  const { capability, input, limits, options } = readCall(parts, full)
  trace.description = capability.describeCall(input)
  const release = watch(controller, full, { ...options, timeoutMs: limits.timeoutMs })
  try {
    controller.signal.throwIfAborted()
    const context = contextOf(parts, full, limits, options)
    if (parts.wiring.isAbortedFirst) controller.abort(coreErrors.CANCELLED({ what: full }))
    trace.isInvoked = true
    const reply = await capability.invoke(input, context)
    const { maxChunks = Infinity } = parts.options
    const { readBody } = parts.wiring
    return await answerOf({ capability, full, reply, limits, maxChunks, readBody, signal: controller.signal })
  } finally {
    release()
  }
}

interface ReadCall {
  readonly capability: Capability
  readonly input: unknown
  readonly limits: CapabilityLimits
  readonly options: CapabilityCallOptions
}

/** What comes before the handler: arguments in, checked input out. */
function readCall({ provider, name, args, options }: CallParts, full: string): ReadCall {
  const capability = Object.hasOwn(provider.capabilities, name) ? provider.capabilities[name] : undefined
  if (capability === undefined)
    throw harnessErrors.CAPABILITY_UNKNOWN({ capability: full, known: Object.keys(provider.capabilities) })
  const limits = lowered(capability.limits, options)
  const refuse = (problems: readonly string[]): Error =>
    harnessErrors.CAPABILITY_ARGUMENTS_INVALID({ capability: full, problems })
  const mapped = mapArguments(capability, args)
  if (!mapped.isMapped) throw refuse(mapped.problems)
  const crossed = cross(mapped.input)
  if ('problem' in crossed) throw refuse([`arguments: ${crossed.problem}`])
  if (crossed.bytes > limits.inputBytes)
    throw harnessErrors.CAPABILITY_INPUT_TOO_LARGE({
      capability: full,
      what: 'arguments',
      limitBytes: limits.inputBytes,
    })
  const fields = crossed.copy as Readonly<Record<string, unknown>>
  const input = { ...fields, ...streamedField(capability, fields, options, refuse) }
  const checked = capability.checkInput(input)
  if (!checked.isValid) throw refuse(checked.problems)
  const merged = { ...options, ...definedOf(mapped.options) }
  return { capability, input: checked.value, limits: lowered(limits, merged), options: merged }
}

function streamedField(
  { bodyField }: Capability,
  input: Readonly<Record<string, unknown>>,
  { body }: CapabilityCallOptions,
  refuse: Refuse,
): object {
  if (body === undefined) return {}
  if (bodyField === undefined) throw refuse(['body: this capability takes no stream'])
  if (input[bodyField] !== undefined) throw refuse([`${bodyField}: is given twice, as a stream and as a value`])
  return { [bodyField]: capabilityBody }
}

type Refuse = (problems: readonly string[]) => Error

function definedOf(options: CallOptions): CallOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function lowered(limits: CapabilityLimits, { limits: granted = {}, timeoutMs }: CapabilityCallOptions) {
  return Object.freeze({
    timeoutMs: Math.min(limits.timeoutMs, granted.timeoutMs ?? Infinity, timeoutMs ?? Infinity),
    inputBytes: Math.min(limits.inputBytes, granted.inputBytes ?? Infinity),
    outputBytes: Math.min(limits.outputBytes, granted.outputBytes ?? Infinity),
    concurrent: Math.min(limits.concurrent, granted.concurrent ?? Infinity),
  })
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
  limits: CapabilityLimits,
  { idempotencyKey }: CallOptions,
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
    body: body && limitedBytes(body, { signal, limitBytes: limits.inputBytes, tooLarge }),
    annotate: (facts) => void Object.assign(trace.annotations, facts),
  }
}

/** Asked for at each use; one that fails is a failure of the call. */
function secretsOf({ secrets }: CapabilityProvider): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(secrets).map(([name, get]) => [name, get()])))
}

interface ReplyParts {
  readonly capability: Capability
  readonly full: string
  readonly reply: unknown
  readonly limits: CapabilityLimits
  readonly maxChunks: number
  readonly readBody: Wiring['readBody']
  readonly signal: AbortSignal
}

async function answerOf({ capability, full, reply, limits, signal, ...reading }: ReplyParts): Promise<CallAnswer> {
  const invalid = (...problems: string[]): Error =>
    harnessErrors.CAPABILITY_RESULT_INVALID({ capability: full, problems })
  const tooLarge = (what: string): Error =>
    harnessErrors.CAPABILITY_RESULT_TOO_LARGE({ capability: full, what, limitBytes: limits.outputBytes })
  const { value, body } = isCapabilityReply(reply) ? reply : { value: reply, body: undefined }
  const readValue = (): unknown => {
    const checked = capability.checkOutput(value)
    if (!checked.isValid) throw invalid(...checked.problems)
    const crossed = cross(checked.value)
    if ('problem' in crossed) throw invalid(`the value cannot be sent: ${crossed.problem}`)
    if (crossed.bytes > limits.outputBytes) throw tooLarge('value')
    if (body !== undefined && capability.returns === 'value')
      throw invalid("it has a body, and `returns: 'value'` promises none")
    return crossed.copy
  }
  let copy: unknown
  try {
    signal.throwIfAborted()
    copy = readValue()
  } catch (error) {
    await leaveBody(body)
    throw error
  }
  if (body === undefined) return { value: copy, chunks: undefined }
  const collect = { signal, ...reading, limitBytes: limits.outputBytes, tooLarge: () => tooLarge('body'), invalid }
  const chunks = reading.readBody?.(body) ?? collectBody(body, collect)
  return { value: copy, chunks: await chunks }
}
