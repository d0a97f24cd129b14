import { coreErrors } from '@capsule/core'
import * as z from 'zod'
import type { CapsuleOptions, CapsulePoolOptions, CapsuleSessionOptions } from './capsule.ts'
import type { CapsuleDurableOptions } from './durable.ts'

// what is in them is checked where it is used
const object = z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be an object')

const ownSessionShape = {
  env: z.record(z.string(), z.string()).optional(),
  cwd: z.string().min(1).optional(),
  executor: z.enum(['threaded', 'async']).optional(),
  capabilities: z.array(object).optional(),
  policy: object.optional(),
  modules: z.boolean().optional(),
  maxHeapMb: z.number().int().positive().optional(),
  maxRssMb: z.number().positive().optional(),
  maxCpuMs: z.number().positive().optional(),
}
// what is left over goes to the package of the session or the pool, which is just as strict
const sessionOptionsSchema = z.looseObject(ownSessionShape)
const poolOptionsSchema = z.looseObject({ session: sessionOptionsSchema.optional() })
const durableSchema = z.looseObject({ session: sessionOptionsSchema.optional() })
const capsuleOptionsSchema = z.strictObject({
  isolation: z.enum(['none', 'process', 'permission', 'os', 'auto']).optional(),
  executor: z.enum(['threaded', 'async']).optional(),
  nodePath: z.string().min(1).optional(),
  audit: object.optional(),
  session: sessionOptionsSchema.optional(),
  durable: object.optional(),
  pool: poolOptionsSchema.optional(),
  parts: z.custom<NonNullable<CapsuleOptions['parts']>>((value) => typeof value === 'function').optional(),
})

export type ResolvedCapsuleOptions = CapsuleOptions &
  Required<Pick<CapsuleOptions, 'isolation' | 'executor' | 'nodePath'>>

/** @throws INVALID_OPTIONS */
export function resolveCapsuleOptions(options: CapsuleOptions): ResolvedCapsuleOptions {
  check('createCapsule()', capsuleOptionsSchema, options)
  const { isolation = 'auto', executor = 'threaded', nodePath = process.execPath } = options
  return { ...options, isolation, executor, nodePath }
}

/** @throws INVALID_OPTIONS */
export function checkSessionOptions(options: CapsuleSessionOptions): void {
  check('createSession()', sessionOptionsSchema, options)
}

/** Before anything is recorded; the rest is for the bridge to check. @throws INVALID_OPTIONS */
export function checkDurableSession(options: CapsuleDurableOptions): void {
  check('durable.execute()', durableSchema, options)
}

/** @throws INVALID_OPTIONS */
export function checkPoolOptions(options: CapsulePoolOptions): void {
  check('createPool()', poolOptionsSchema, options)
}

function check(where: string, schema: z.ZodType, options: unknown): void {
  const { error } = schema.safeParse(options)
  if (error === undefined) return
  const problems = error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw coreErrors.INVALID_OPTIONS({ where, problems })
}
