import { type Clock, coreErrors } from '@capsule/core'
import * as z from 'zod'

/** What cells may know. Only what is asked for exists: a capability that is left out cannot be called. */
export interface SystemOptions {
  /** `system.now`; a `Clock` is the one that cells see instead of the time of the host. @defaultValue false */
  readonly clock?: boolean | Clock
  /** `system.random`. @defaultValue false */
  readonly random?: boolean
  /** What one call of `system.random` gives at most; 1 MiB at most. @defaultValue 65536 */
  readonly maxRandomBytes?: number
  /**
   * `system.env`: the names that cells may read, whose values are those of the host's `process.env` at the time of the
   * call; or the values themselves, by name. @defaultValue none
   */
  readonly environment?: readonly string[] | Readonly<Record<string, string>>
  /** `system.process`. @defaultValue false */
  readonly process?: boolean
}

const clockSchema = z.custom<Clock>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    ['now', 'wallTimeMs'].every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  { error: 'must be true, false or a Clock' },
)
const nameSchema = z.string().regex(/^[^=\0]{1,256}$/, { error: 'must be the name of an environment variable' })
const sizeError = { error: 'must be a whole number from 1 to 1048576' }

const optionsSchema = z
  .strictObject({
    clock: z.union([z.boolean(), clockSchema], { error: 'must be true, false or a Clock' }).default(false),
    random: z.boolean().default(false),
    maxRandomBytes: z
      .int(sizeError)
      .min(1, sizeError)
      .max(2 ** 20, sizeError)
      .default(65_536),
    environment: z
      .union([z.array(nameSchema), z.record(nameSchema, z.string())], {
        error: 'must be an array of names, or values by name',
      })
      .default([]),
    process: z.boolean().default(false),
  })
  .refine(
    ({ clock, random, environment, process }) => clock || random || process || Object.keys(environment).length > 0,
    {
      error: 'asks for nothing: set at least one of clock, random, environment and process',
    },
  )

/** @throws INVALID_OPTIONS */
export function readOptions(options: SystemOptions): z.output<typeof optionsSchema> {
  const { success, data, error } = optionsSchema.safeParse(options)
  if (success) return data
  const problems = error.issues.map(({ path, message }) =>
    [path.map(String).join('.') || 'options', message].join(': '),
  )
  throw coreErrors.INVALID_OPTIONS({ where: 'system()', problems })
}
