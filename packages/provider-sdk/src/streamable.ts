import { capabilityBody } from '@capsule/core'
import * as z from 'zod'

const streamSchema = z
  .custom<typeof capabilityBody>((value) => value === capabilityBody, { error: 'expected a stream' })
  .meta({ description: 'a stream of bytes' })

/** For the `bodyField` of an input: what `schema` takes, or a stream, which shows as `capabilityBody`. */
export function streamable<Schema extends z.ZodType>(schema: Schema): z.ZodUnion<[Schema, typeof streamSchema]> {
  return z.union([schema, streamSchema])
}
