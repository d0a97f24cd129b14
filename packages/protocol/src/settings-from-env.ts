import { coreErrors } from '@capsule/core'
import type { WorkerSettings } from './settings.ts'

type Read<T> = (text: string) => T | undefined

const integer: Read<number> = (text) => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}
const choice =
  <const T extends string>(...values: readonly T[]): Read<T> =>
  (text) =>
    values.find((value) => value === text)
const flag: Read<boolean> = (text) =>
  text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : undefined

const bytes = { expected: 'a whole number of bytes', read: integer }
const milliseconds = { expected: 'a whole number of milliseconds', read: integer }

type Variables = {
  readonly [Name in keyof WorkerSettings]-?: {
    readonly variable: string
    readonly expected: string
    readonly read: Read<WorkerSettings[Name]>
  }
}

const variables: Variables = {
  backPressure: {
    variable: 'CAPSULE_BACK_PRESSURE',
    expected: 'block, drop-new, drop-oldest or error',
    read: choice('block', 'drop-new', 'drop-oldest', 'error'),
  },
  outputBufferBytes: { variable: 'CAPSULE_OUTPUT_BUFFER_BYTES', ...bytes },
  outputChunkBytes: { variable: 'CAPSULE_OUTPUT_CHUNK_BYTES', ...bytes },
  drainTimeoutMs: { variable: 'CAPSULE_DRAIN_TIMEOUT_MS', ...milliseconds },
  suppressDrainErrors: { variable: 'CAPSULE_SUPPRESS_DRAIN_ERRORS', expected: '1, true, 0 or false', read: flag },
  heartbeatMs: { variable: 'CAPSULE_HEARTBEAT_MS', ...milliseconds },
  valueBytes: { variable: 'CAPSULE_VALUE_BYTES', ...bytes },
  valueDepth: { variable: 'CAPSULE_VALUE_DEPTH', expected: 'a whole number of levels', read: integer },
  textLength: { variable: 'CAPSULE_TEXT_LENGTH', expected: 'a whole number of characters', read: integer },

  route: { variable: 'CAPSULE_ROUTE', expected: 'auto, threaded or async', read: choice('auto', 'threaded', 'async') },
  modules: { variable: 'CAPSULE_MODULES', expected: '1, true, 0 or false', read: flag },
}

/**
 * The worker settings that an environment asks for. Unset and empty variables are left out.
 * @throws INVALID_OPTIONS naming every malformed variable
 */
export function settingsFromEnv(env: Record<string, string | undefined>): Partial<WorkerSettings> {
  const settings: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, { variable, expected, read }] of Object.entries(variables)) {
    const text = env[variable]?.trim()
    if (text === undefined || text === '') continue
    const value = read(text)
    if (value === undefined) problems.push(`${variable} must be ${expected}, not ${JSON.stringify(text.slice(0, 50))}`)
    else settings[name] = value
  }
  if (problems.length > 0) throw coreErrors.INVALID_OPTIONS({ where: 'environment', problems })
  return settings
}
