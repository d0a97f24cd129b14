import { isIP } from 'node:net'

/** `api.example.com`, `*.example.com`, `203.0.113.5`, `[2001:db8::1]` or `*`, each with or without a port. */
export interface HostPattern {
  readonly kind: 'exact' | 'below' | 'any'
  /** As `URL` writes it: lower case, punycode, IPv6 in brackets. Empty for `any`. */
  readonly hostname: string
  readonly port: number | undefined
}

const hostLength = 253
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** What a pattern says, or undefined when it is none. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const [, host = '', digits] = /^(\*|(?:\*\.)?[^\s:/?#@\\%*[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/i.exec(text) ?? []
  const port = digits === undefined ? undefined : Number(digits)
  if (host === '' || port === 0 || (port !== undefined && port > 65_535)) return undefined
  if (host === '*') return { kind: 'any', hostname: '', port }
  const kind = host.startsWith('*.') ? 'below' : 'exact'
  const hostname = URL.parse(`http://${kind === 'below' ? host.slice(2) : host}/`)?.hostname
  if (hostname === undefined || !isHostname(hostname)) return undefined
  return kind === 'below' && addressOf(hostname) !== undefined ? undefined : { kind, hostname, port }
}

/** Whether the host is covered; the port is another question. */
export function coversHost(pattern: HostPattern, hostname: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true
    case 'exact':
      return pattern.hostname === hostname
    case 'below':
      return hostname.endsWith(`.${pattern.hostname}`)
  }
}

/** Whether a hostname of a `URL` is an address, or a name of letters, digits, `-` and `_` without empty labels. */
export function isHostname(hostname: string): boolean {
  if (addressOf(hostname) !== undefined) return true
  return hostname.length <= hostLength && hostname.split('.').every((each) => label.test(each))
}

/** The address that a hostname of a `URL` is, if it is one. */
export function addressOf(hostname: string): string | undefined {
  const text = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname
  return isIP(text) === 0 ? undefined : text
}
