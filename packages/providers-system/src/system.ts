import { randomFillSync } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { type Clock, systemClock } from '@capsule/core'
import { type CapabilityDefinition, type CapabilityProvider, defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'
import { systemErrors } from './errors.ts'
import { readOptions, type SystemOptions } from './options.ts'

const limits = { timeoutMs: 1000, inputBytes: 4096, outputBytes: 2 * 1024 * 1024, concurrent: 16 }
const nothing = z.strictObject({})

/**
 * Time, randomness, environment values and facts of the process, each only where the options ask for it.
 * @throws INVALID_OPTIONS
 */
export function system(options: SystemOptions): CapabilityProvider {
  const { clock, random, maxRandomBytes, environment, process } = readOptions(options)
  return defineProvider({
    name: 'system',
    specificationVersion: 'v1',
    capabilities: {
      ...(clock !== false && { now: now(clock === true ? systemClock : clock) }),
      ...(random && { random: randomBytes(maxRandomBytes) }),
      ...(Object.keys(environment).length > 0 && { env: environmentValue(environment) }),
      ...(process && { process: processFacts }),
    } as Record<string, CapabilityDefinition<z.ZodType, z.ZodType>>,
  })
}

/** Keeps the types of one definition, which a record of several loses. */
function defined<Input extends z.ZodType, Output extends z.ZodType>(
  definition: Omit<CapabilityDefinition<Input, Output>, 'effect' | 'limits'>,
): CapabilityDefinition<Input, Output> {
  return { ...definition, effect: 'read', limits }
}

const now = (clock: Clock) =>
  defined({
    summary: 'Tells the time of the host.',
    input: nothing,
    output: z.strictObject({ epochMs: z.number(), iso: z.string(), timeZone: z.string(), monotonicMs: z.number() }),
    describeCall: () => 'reads the clock',
    handler() {
      const epochMs = clock.wallTimeMs()
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
      return { epochMs, iso: new Date(epochMs).toISOString(), timeZone, monotonicMs: clock.now() }
    },
  })

function randomBytes(maxBytes: number) {
  const error = `must be a whole number from 1 to ${maxBytes} (maxRandomBytes)`
  return defined({
    summary: 'Gives random bytes that are fit for keys.',
    input: z.strictObject({ bytes: z.int({ error }).min(1, { error }).max(maxBytes, { error }) }),
    output: z.instanceof(Uint8Array),
    positional: ['bytes'],
    describeCall: ({ bytes }) => `takes ${bytes} random bytes`,
    handler: ({ bytes }) => randomFillSync(new Uint8Array(bytes)),
  })
}

function environmentValue(environment: readonly string[] | Readonly<Record<string, string>>) {
  const isList = Array.isArray(environment)
  const granted: readonly string[] = isList ? environment : Object.keys(environment)
  const values = isList ? process.env : (environment as Readonly<Record<string, string>>)
  return defined({
    summary: 'Reads one environment value of those that the host grants.',
    input: z.strictObject({ name: z.string().min(1).max(256) }),
    output: z.strictObject({ value: z.string().nullable() }),
    positional: ['name'],
    describeCall: ({ name }) => `reads the environment value ${JSON.stringify(name)}`,
    handler({ name }) {
      if (!granted.includes(name)) throw systemErrors.SYSTEM_ENVIRONMENT_NOT_GRANTED({ name, granted })
      // not what `process.env` inherits: toString, __proto__
      return { value: Object.hasOwn(values, name) ? (values[name] ?? null) : null }
    },
  })
}

/** Nothing that tells who and where the host is: no names, ids, users, addresses and paths. */
const processFacts = defined({
  summary: 'Tells what kind of system the host runs on.',
  input: nothing,
  output: z.strictObject({
    platform: z.string(),
    arch: z.string(),
    nodeVersion: z.string(),
    cpuCount: z.number(),
    uptimeMs: z.number(),
  }),
  describeCall: () => 'reads facts of the process of the host',
  handler: () => ({
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    cpuCount: availableParallelism(),
    uptimeMs: Math.round(process.uptime() * 1000),
  }),
})
