import { httpErrors } from './errors.ts'
import { addressOf, coversHost, type HostPattern } from './host-pattern.ts'
import { isPrivateAddress } from './public-address.ts'
import { portOf } from './request-url.ts'

export interface UrlRules {
  readonly allow: readonly HostPattern[]
  readonly deny: readonly HostPattern[]
  /** Exact, each with a port. */
  readonly allowPrivate: readonly HostPattern[]
  readonly schemes: readonly string[]
  readonly ports: readonly number[]
}

/** Where calls may go: asked for every hop, and again for every address before it is dialled. */
export interface UrlPolicy {
  /** @throws HTTP_SCHEME_NOT_ALLOWED, HTTP_HOST_NOT_ALLOWED, HTTP_PORT_NOT_ALLOWED, HTTP_ADDRESS_NOT_ALLOWED */
  check(url: URL): void
  isAddressAllowed(url: URL, address: string): boolean
  /** Whether this very host and port may be private. */
  readonly isPrivateAllowed: (url: URL) => boolean
}

export function createUrlPolicy(rules: UrlRules, isPublic: (address: string) => boolean): UrlPolicy {
  const { allow, deny, allowPrivate, schemes, ports } = rules

  const isPrivateAllowed = (url: URL): boolean =>
    allowPrivate.some(({ hostname, port }) => hostname === url.hostname && port === portOf(url))

  // `deny` names the address itself: then it is refused behind every name, too
  const isAddressDenied = (url: URL, address: string): boolean =>
    deny.some(({ hostname, port }) => addressOf(hostname) === address && (port ?? portOf(url)) === portOf(url))

  const isAddressAllowed = (url: URL, address: string): boolean => {
    if (isAddressDenied(url, address)) return false
    return isPublic(address) || (isPrivateAllowed(url) && isPrivateAddress(address))
  }

  const isPortOpen = (url: URL, patterns: readonly HostPattern[]): boolean => {
    const port = portOf(url)
    if (patterns.some((pattern) => pattern.port === port)) return true
    return patterns.some((pattern) => pattern.port === undefined) && (url.port === '' || ports.includes(port))
  }

  return {
    isAddressAllowed,
    isPrivateAllowed,
    check(url) {
      const scheme = url.protocol.slice(0, -1)
      if (!schemes.includes(scheme)) throw httpErrors.HTTP_SCHEME_NOT_ALLOWED({ scheme, allowed: schemes })
      const { hostname: host } = url
      const port = portOf(url)
      const covering = [...allow, ...allowPrivate].filter((pattern) => coversHost(pattern, host))
      const isDenied = deny.some((pattern) => coversHost(pattern, host) && (pattern.port ?? port) === port)
      if (isDenied || covering.length === 0) throw httpErrors.HTTP_HOST_NOT_ALLOWED({ host })
      if (!isPortOpen(url, covering)) throw httpErrors.HTTP_PORT_NOT_ALLOWED({ host, port })
      const address = addressOf(host)
      if (address !== undefined && !isAddressAllowed(url, address)) throw httpErrors.HTTP_ADDRESS_NOT_ALLOWED({ host })
    },
  }
}
