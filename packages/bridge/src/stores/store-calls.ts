import { type AbortOptions, throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { checked } from '../checked.ts'
import type { CreateDurablePromise, SettleDurablePromise } from './durable-promise-store.ts'

const idSchema = z.string().regex(/^[\w.:-]{1,512}$/, 'must be 1 to 512 of A-Z, a-z, 0-9, _ . : -')
const tagSchema = z.string().regex(/^(?!resonate:)/, 'tags that begin with resonate: belong to Resonate')
const createSchema = z.strictObject({
  id: idSchema,
  timeoutAtMs: z.number().int().nonnegative(),
  param: z.string().optional(),
  // not z.record, which would lose `__proto__`
  tags: z
    .custom<Readonly<Record<string, string>>>(
      (value) =>
        // what else has entries, as a Map or an array, would lose them
        Object.prototype.toString.call(value) === '[object Object]' &&
        Object.entries(value as object).every(
          ([key, tag]) => tagSchema.safeParse(key).success && typeof tag === 'string',
        ),
      'must be strings by names that do not begin with resonate:',
    )
    .optional(),
})
const settleSchema = z.strictObject({
  id: idSchema,
  state: z.enum(['resolved', 'rejected', 'canceled']),
  value: z.string().optional(),
})
const abortSchema = z.strictObject({ signal: z.instanceof(AbortSignal).optional() }).optional()

export type CheckedCreate = Required<Pick<CreateDurablePromise, 'id' | 'timeoutAtMs' | 'tags'>> & {
  readonly param: string | undefined
}
export type CheckedSettle = Pick<SettleDurablePromise, 'id' | 'state'> & { readonly value: string | undefined }

/** The signal of a call that begins. @throws INVALID_OPTIONS, CANCELLED */
function signalOf(where: string, options: AbortOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined
  const signal = checked(where, abortSchema.safeParse(options))?.signal
  throwIfAborted(signal, where)
  return signal
}

/** What is kept belongs to the store: the caller's tags are copied. @throws INVALID_OPTIONS, CANCELLED */
export function checkCreate(promise: CreateDurablePromise, options: AbortOptions | undefined) {
  const { id, timeoutAtMs, param, tags } = checked('create()', createSchema.safeParse(promise))
  const given: CheckedCreate = { id, timeoutAtMs, param, tags: Object.freeze({ ...tags }) }
  return { given, signal: signalOf('create()', options) }
}

/** @throws INVALID_OPTIONS, CANCELLED */
export function checkSettle(settlement: SettleDurablePromise, options: AbortOptions | undefined) {
  const { id, state, value } = checked('settle()', settleSchema.safeParse(settlement))
  const given: CheckedSettle = { id, state, value }
  return { given, signal: signalOf('settle()', options) }
}

/** Whether there can be a promise of that id. @throws INVALID_OPTIONS, CANCELLED */
export function checkId(where: 'get()' | 'wait()', id: string, options: AbortOptions | undefined) {
  checked(where, idSchema.safeParse(id))
  return signalOf(where, options)
}
