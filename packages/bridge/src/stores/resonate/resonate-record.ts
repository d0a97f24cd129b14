import type { DurableRecord, DurableState } from '../durable-promise-store.ts'
import type { ResonatePromise, ResonateValue } from './resonate-network.ts'

/** Whose call made or settled a promise; Resonate itself does not tell. */
const tokenHeader = 'capsule-call'
/** Without it nobody can listen to the promise. */
const externalTag = 'resonate:external'

const states: Readonly<Record<ResonatePromise['state'], DurableState>> = {
  pending: 'pending',
  resolved: 'resolved',
  rejected: 'rejected',
  rejected_canceled: 'canceled',
  rejected_timedout: 'timedout',
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isValue = (value: unknown): boolean => value === undefined || value === null || isObject(value)

/** What a server gives for a promise may be anything. Not zod, whose records lose `__proto__`. */
export function isResonatePromise(value: unknown): value is ResonatePromise {
  if (!isObject(value)) return false
  const { id, state, param, value: settledWith, tags, timeoutAt, createdAt, settledAt } = value
  return (
    typeof id === 'string' &&
    typeof state === 'string' &&
    Object.hasOwn(states, state) &&
    [param, settledWith].every(isValue) &&
    isObject(tags) &&
    Object.values(tags).every((tag) => typeof tag === 'string') &&
    [timeoutAt, createdAt, settledAt ?? 0].every(Number.isFinite)
  )
}

export const isOfCall = (value: ResonateValue | undefined, token: string): boolean =>
  value?.headers?.[tokenHeader] === token

/** As the SDK's codec writes a string, so that its functions can read it. */
export function encodeValue(text: string | undefined, token: string): ResonateValue {
  const data = text === undefined ? '' : Buffer.from(JSON.stringify(text)).toString('base64')
  return { headers: { [tokenHeader]: token }, data }
}

/** What others wrote is given as JSON text, or as it is when it is none. */
function decodeValue(value: ResonateValue | undefined): string | undefined {
  if (value?.data === undefined || value.data === null || value.data === '') return undefined
  if (typeof value.data !== 'string') return JSON.stringify(value.data)
  try {
    const decoded: unknown = JSON.parse(Buffer.from(value.data, 'base64').toString())
    return typeof decoded === 'string' ? decoded : JSON.stringify(decoded)
  } catch {
    return value.data
  }
}

export const encodeTags = (tags: Readonly<Record<string, string>>): Record<string, string> => ({
  ...tags,
  [externalTag]: 'true',
})

export function recordOf(promise: ResonatePromise): DurableRecord {
  const { [externalTag]: _, ...tags } = promise.tags
  const param = decodeValue(promise.param)
  const value = decodeValue(promise.value)
  return Object.freeze({
    id: promise.id,
    state: states[promise.state],
    ...(param === undefined ? {} : { param }),
    ...(value === undefined ? {} : { value }),
    tags: Object.freeze(tags),
    createdAtMs: promise.createdAt,
    timeoutAtMs: promise.timeoutAt,
    ...(promise.settledAt === undefined || promise.settledAt === null ? {} : { settledAtMs: promise.settledAt }),
  })
}
