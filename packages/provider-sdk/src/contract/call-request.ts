import {
  type Capability,
  capabilityBody,
  type CapabilityLimits,
  type CapabilityProvider,
  type Clock,
  type Logger,
} from '@capsule/core'
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

export interface CallRequest {
  readonly capability: Capability
  readonly input: unknown
  readonly limits: CapabilityLimits
  /** Of the arguments. */
  readonly bytes: number
  readonly options: CapabilityCallOptions
}

/** What comes before the handler: arguments in, checked input out. */
export function readRequest(
  provider: CapabilityProvider,
  name: string,
  args: readonly unknown[],
  options: CapabilityCallOptions,
): CallRequest {
  const full = `${provider.name}.${name}`
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
  return { capability, input: checked.value, limits: lowered(limits, merged), bytes: crossed.bytes, options: merged }
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
