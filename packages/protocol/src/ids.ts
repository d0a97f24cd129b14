import * as z from 'zod'

/** How ids look on the wire; the same rule as core's IdSource. */
export const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)
export const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array)
export const countSchema = z.number().int().nonnegative()
export const durationMsSchema = z.number().nonnegative()
