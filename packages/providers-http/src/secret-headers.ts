import { httpErrors } from './errors.ts'
import { coversHost, type HostPattern, parseHostPattern } from './host-pattern.ts'
import { type HeaderPair, isHeaderValue } from './request-headers.ts'
import { portOf } from './request-url.ts'

export type SecretValue = string | (() => string)

/** By host pattern, then by header name. */
export type SecretHeaderOptions = Readonly<Record<string, Readonly<Record<string, SecretValue>>>>

/** Where a host's headers go: `api.example.com` is https at its default port, `http://` allows plain text. */
export interface SecretTarget {
  readonly scheme: 'http' | 'https'
  readonly pattern: HostPattern
}

export interface SecretHeaders {
  /** For the provider: the host replaces these values wherever it shows something. */
  readonly secrets: Readonly<Record<string, SecretValue>>
  /** The headers for this URL, of `values` by the names in `secrets`. @throws HTTP_HEADER_NOT_ALLOWED */
  headersFor(url: URL, values: Readonly<Record<string, string>>): HeaderPair[]
}

export function parseSecretTarget(text: string): SecretTarget | undefined {
  const [, scheme, host = ''] = /^(?:(https?):\/\/)?(.*)$/s.exec(text) ?? []
  const pattern = parseHostPattern(host)
  return pattern === undefined || pattern.kind === 'any'
    ? undefined
    : { scheme: scheme === 'http' ? 'http' : 'https', pattern }
}

export function createSecretHeaders(options: SecretHeaderOptions): SecretHeaders {
  const secrets: Record<string, SecretValue> = {}
  const entries: { target: SecretTarget; header: string; secretName: string }[] = []
  for (const [host, headers] of Object.entries(options)) {
    const target = parseSecretTarget(host)
    if (target === undefined) continue
    for (const [name, value] of Object.entries(headers)) {
      const header = name.toLowerCase()
      // names of secrets are identifiers; the number keeps them apart
      const secretName = `header_${entries.length + 1}_${header.replaceAll(/[^a-z0-9]/g, '_').slice(0, 32)}`
      secrets[secretName] = value
      // what a server repeats is often the token alone
      if (header === 'authorization') secrets[`${secretName}_credentials`] = credentialsOf(value)
      entries.push({ target, header, secretName })
    }
  }
  // an exact host decides over a wildcard
  entries.sort((a, b) => Number(b.target.pattern.kind === 'below') - Number(a.target.pattern.kind === 'below'))

  return {
    secrets,
    headersFor(url, values) {
      const headers = new Map<string, string>()
      for (const { target, header, secretName } of entries) {
        if (!isFor(target, url)) continue
        const value = values[secretName]
        if (value === undefined || !isHeaderValue(value)) {
          throw httpErrors.HTTP_HEADER_NOT_ALLOWED({ header, problem: 'has no valid value in the host program' })
        }
        headers.set(header, value)
      }
      return [...headers]
    },
  }
}

function isFor({ scheme, pattern }: SecretTarget, url: URL): boolean {
  if (url.protocol !== `${scheme}:` || !coversHost(pattern, url.hostname)) return false
  return pattern.port === undefined ? url.port === '' : pattern.port === portOf(url)
}

function credentialsOf(value: SecretValue): () => string {
  return () => (typeof value === 'string' ? value : value()).replace(/^[A-Za-z][A-Za-z0-9-]* +(?=.)/, '')
}
