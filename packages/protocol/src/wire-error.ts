import * as z from 'zod'
import { bytesSchema, countSchema } from './ids.ts'

/** An error as it crosses the wire; `stack` is in cell coordinates. */
export interface WireError {
  name: string
  message: string
  code?: string | undefined
  stack?: string | undefined
  line?: number | undefined
  /** 1-based, like `line`. */
  column?: number | undefined
  cause?: WireError | undefined
  /** Of an AggregateError. */
  errors?: WireError[] | undefined
  /** Of `throw 5`: the thrown value as `encodeValue` wrote it. */
  thrown?: Uint8Array | undefined
}

export const wireErrorSchema: z.ZodType<WireError> = z.object({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  stack: z.string().optional(),
  line: countSchema.optional(),
  column: countSchema.optional(),
  get cause() {
    return wireErrorSchema.optional()
  },
  get errors() {
    return z.array(wireErrorSchema).optional()
  },
  thrown: bytesSchema.optional(),
})
