/** What can be known of what a handler threw, read once and with care: getters and proxies may throw in turn. */
export interface Thrown {
  /** Of a CapsuleError whose code has the usual form. */
  readonly code: string | undefined
  readonly message: string
  /** With name and stack, for the host. */
  readonly detail: string
}

const codeForm = /^[A-Z][A-Z0-9_]{0,63}$/
// unit: UTF-16 units; threat: errors that fill the audit
const detailLength = 4096

export function readThrown(error: unknown): Thrown {
  const name = textOf(error, 'name')
  const code = textOf(error, 'code')
  const message = textOf(error, 'message')
  const stack = textOf(error, 'stack')
  const detail = stack ?? (message === undefined ? describe(error) : `${name ?? 'Error'}: ${message}`)
  return {
    code: name === 'CapsuleError' && code !== undefined && codeForm.test(code) ? code : undefined,
    message: message ?? '',
    detail: (code === undefined ? detail : `[${code}] ${detail}`).slice(0, detailLength),
  }
}

function textOf(error: unknown, key: string): string | undefined {
  if ((typeof error !== 'object' && typeof error !== 'function') || error === null) return undefined
  try {
    const value = (error as Record<string, unknown>)[key]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function describe(value: unknown): string {
  try {
    return `threw ${String(value)}`
  } catch {
    return `threw a value that cannot be shown`
  }
}
