import { providerErrors } from './errors.ts'

export type SecretDefinitions = Readonly<Record<string, string | (() => string)>>

/** Each secret as a function that gives its text, or throws an error that names it and does not show it. */
export function secretGetters(
  provider: string,
  definitions: SecretDefinitions,
): Readonly<Record<string, () => string>> {
  const getters = Object.entries(definitions).map(([name, definition]) => {
    const get = (): string => {
      let secret: unknown
      try {
        secret = typeof definition === 'function' ? definition() : definition
      } catch (error) {
        throw providerErrors.PROVIDER_SECRET_UNAVAILABLE(
          { provider, secret: name, problem: 'its function throws' },
          { cause: error },
        )
      }
      if (typeof secret === 'string' && secret !== '') return secret
      const problem = secret === '' ? 'it is empty' : `it is no text (${secret === null ? 'null' : typeof secret})`
      throw providerErrors.PROVIDER_SECRET_UNAVAILABLE({ provider, secret: name, problem })
    }
    return [name, get] as const
  })
  return Object.freeze(Object.fromEntries(getters))
}
