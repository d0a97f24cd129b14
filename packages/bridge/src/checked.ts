import { coreErrors } from '@capsule/core'
import type * as z from 'zod'

/** The data of a zod result. @throws INVALID_OPTIONS, with the path of each problem */
export function checked<T>(where: string, result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw coreErrors.INVALID_OPTIONS({ where, problems })
}
