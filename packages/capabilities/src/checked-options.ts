import { coreErrors } from '@capsule/core'
import type * as z from 'zod'

/** @throws INVALID_OPTIONS, naming each field that is wrong */
export function checkedOptions<Schema extends z.ZodType>(
  where: string,
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(options)
  if (success) return data
  const problems = error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw coreErrors.INVALID_OPTIONS({ where, problems })
}
