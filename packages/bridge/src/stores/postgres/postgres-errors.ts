import { isCapsuleError } from '@capsule/core'
import { bridgeErrors } from '../../errors.ts'

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
function sqlStateOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined
}

/** Connection, resources, a server that starts, stops or is a standby, and conflicts with other transactions. */
const passing = /^(08|53|57P0|40001|40P01|55P03|25006)/
/** Credentials and rights. */
const unauthorized = /^(28|42501)/

/** Whether the same call may succeed later; what has no SQLSTATE is a failure of the connection. */
export function isTransient(error: unknown): boolean {
  if (isCapsuleError(error)) return false
  const state = sqlStateOf(error)
  return state === undefined || passing.test(state)
}

export function bridgeErrorOf(error: unknown, store: string, action: string): unknown {
  if (isCapsuleError(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  const state = sqlStateOf(error)
  const { code } = (error ?? {}) as { code?: unknown }
  const reason = message === '' ? String(code ?? error) : message
  const details = { store, action, reason: state === undefined ? reason : `${reason} (${state})` }
  const make = unauthorized.test(state ?? '') ? bridgeErrors.STORE_UNAUTHORIZED : bridgeErrors.STORE_UNAVAILABLE
  return make(details, { cause: error })
}
