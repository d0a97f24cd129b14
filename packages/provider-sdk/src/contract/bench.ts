import { AssertionError } from 'node:assert'
import { type Capability, capabilityBody, type CapabilityProvider, type CapsuleError } from '@capsule/core'
import type { CallAnswer } from './call-reply.ts'
import type { CapabilityCallOptions } from './call-request.ts'
import { type RunningCall, startCapabilityCall, type Wiring } from './capability-call.ts'
import { cross } from './crossing.ts'
import { mapArguments } from './map-arguments.ts'
import type { CapabilitySamples, DetailedSample, ProviderContractOptions, SampleCall } from './provider-contract.ts'

export function demand(isKept: boolean, message: string): asserts isKept {
  if (!isKept) throw new AssertionError({ message, stackStartFn: demand })
}

/** How a call ended, and what it left behind. */
export interface Outcome {
  readonly call: RunningCall
  readonly answer: CallAnswer | undefined
  /** Undefined when there is an answer. */
  readonly error: CapsuleError | undefined
}

/** A provider on which one check tries its rule. */
export interface Bench {
  readonly provider: CapabilityProvider
  readonly options: ProviderContractOptions
  readonly settleWithinMs: number
  samplesOf(name: string): CapabilitySamples
  capability(name: string): Capability
  start(name: string, sample: SampleCall, options?: CapabilityCallOptions, wiring?: Wiring): RunningCall
  /** Waits until the call has ended in each respect. */
  finish(name: string, sample: SampleCall, options?: CapabilityCallOptions, wiring?: Wiring): Promise<Outcome>
  /** The input that a sample makes; a streamed field holds `capabilityBody`. */
  inputOf(name: string, sample: SampleCall): Readonly<Record<string, unknown>>
  /** A call with that input, which streams what the sample does if the input still says so. */
  callOf(name: string, sample: SampleCall, input: object): DetailedSample
  /** Fails the check when it takes longer than `settleWithinMs`. */
  settles<T>(promise: Promise<T>, message: string): Promise<T>
  /** Fails the check unless it is an error that a cell can act on. */
  checkError(error: CapsuleError, what: string, alsoAllowed?: readonly string[]): void
}

/** What the broker says itself: no provider has to declare it. */
const brokerCodes = [
  'CANCELLED',
  'TIMED_OUT',
  'CAPABILITY_TIMED_OUT',
  'CAPABILITY_ARGUMENTS_INVALID',
  'CAPABILITY_INPUT_TOO_LARGE',
  'CAPABILITY_RESULT_TOO_LARGE',
]
// unit: characters
const messageLength = { shortest: 8, longest: 2000 }

export function createBench(provider: CapabilityProvider, options: ProviderContractOptions): Bench {
  const { calls, errorCodes = [], settleWithinMs = 2000, answerWithinMs = 10_000 } = options
  const bench: Bench = {
    provider,
    options,
    settleWithinMs,
    samplesOf: (name) => calls[name]!,
    capability(name) {
      const capability = Object.hasOwn(provider.capabilities, name) ? provider.capabilities[name] : undefined
      demand(capability !== undefined, `calls.${name}: the provider has no such capability`)
      return capability
    },
    start(name, sample, more, wiring) {
      const { args, body, maxChunks = Infinity } = detailsOf(sample)
      const given = { maxChunks, ...(body && { body: body() }), ...more }
      return startCapabilityCall(provider, name, argumentsOf(args), given, wiring)
    },
    async finish(name, sample, more, wiring) {
      const call = bench.start(name, sample, { timeoutMs: answerWithinMs, ...more }, wiring)
      const settled = await call.answer.then(
        (answer) => ({ answer, error: undefined }),
        // a call rejects with nothing else
        (error: CapsuleError) => ({ answer: undefined, error }),
      )
      await bench.settles(call.ended, `${name}: the handler and its body must end soon after the call is over`)
      return { call, ...settled }
    },
    inputOf(name, sample) {
      const mapped = mapArguments(bench.capability(name), argumentsOf(detailsOf(sample).args))
      demand(mapped.isMapped, `calls.${name}: ${mapped.isMapped || mapped.problems.join('; ')}`)
      const crossed = cross(mapped.input)
      demand('copy' in crossed, `calls.${name}: an argument cannot be sent by a cell`)
      const { bodyField } = bench.capability(name)
      const isStreamed = bodyField !== undefined && detailsOf(sample).body !== undefined
      return { ...(crossed.copy as object), ...(isStreamed && { [bodyField]: capabilityBody }) }
    },
    callOf(name, sample, input) {
      const { bodyField } = bench.capability(name)
      const { body, maxChunks = Infinity } = detailsOf(sample)
      const fields = Object.entries(input)
      const isStreamed = fields.some(([field, value]) => field === bodyField && value === capabilityBody)
      const args = [Object.fromEntries(fields.filter(([, value]) => value !== capabilityBody))]
      return { args, maxChunks, ...(isStreamed && body && { body }) }
    },
    settles: (promise, message) => settles(promise, settleWithinMs, message),
    checkError: (error, what, alsoAllowed = []) =>
      checkError(error, what, [...errorCodes, ...brokerCodes, ...alsoAllowed]),
  }
  return bench
}

async function settles<T>(promise: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  // a plain timer: it must keep the process alive, which one of a `Clock` does not
  const timer = setTimeout(
    () => reject(new AssertionError({ message: `${message} (not after ${timeoutMs} ms)` })),
    timeoutMs,
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function checkError(error: CapsuleError, what: string, codes: readonly string[]): void {
  const shown = `${error.code}: ${error.message}`
  if (error.code === 'CAPABILITY_FAILED') {
    const { cause } = error
    throw new AssertionError({
      message: `${what}: throws what is no CapsuleError, so a cell learns nothing: ${String(cause instanceof Error ? cause.stack : cause)}`,
    })
  }
  demand(error.code !== 'CAPABILITY_RESULT_INVALID', `${what}: ${shown}`)
  demand(codes.includes(error.code), `${what}: the code ${error.code} is not in \`errorCodes\` (${shown})`)
  const { length } = error.message.trim()
  const isSized = length >= messageLength.shortest && length <= messageLength.longest
  demand(
    isSized,
    `${what}: the message of ${error.code} must say what to change, in ${messageLength.shortest} to ${messageLength.longest} characters (${error.message.slice(0, 100)})`,
  )
  demand(
    !error.message.includes('[object '),
    `${what}: the message of ${error.code} shows an object as no one can read it (${error.message})`,
  )
}

export function detailsOf(sample: SampleCall): DetailedSample {
  return 'args' in sample ? sample : { args: sample }
}

export function argumentsOf(args: DetailedSample['args']): readonly unknown[] {
  return typeof args === 'function' ? args() : args
}
