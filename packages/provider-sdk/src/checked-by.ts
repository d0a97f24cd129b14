import type { Checked } from '@capsule/core'
import type * as z from 'zod'

/** Checks by a schema; each problem names the field first. */
export function checkedBy(schema: z.ZodType): (value: unknown) => Checked {
  return (value) => {
    const { success, data, error } = schema.safeParse(value)
    if (success) return { isValid: true, value: data }
    const problems = error.issues.map(({ path, message }) =>
      [path.map(String).join('.') || 'input', message].join(': '),
    )
    return { isValid: false, problems }
  }
}
