import { httpErrors } from './errors.ts'
import { isHostname } from './host-pattern.ts'

// unit: characters, of the URL as it is sent
const urlLength = 8192

/**
 * The URL that a call or a redirect asks for, in the one form that is checked and sent. No policy yet.
 * @throws HTTP_URL_INVALID
 */
export function parseRequestUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  const problem = url === null ? 'is not absolute or not well formed' : problemOf(url)
  if (url === null || problem !== undefined) throw httpErrors.HTTP_URL_INVALID({ problem: problem ?? '' })
  url.hash = ''
  return url
}

/** What policies, approvals and audit see in place of the text of a cell, so that they judge what would be sent. */
export function normalizedUrl(text: string): string {
  return URL.parse(text)?.href ?? text
}

/** The port that is dialled. `URL` leaves out the default one. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

function problemOf(url: URL): string | undefined {
  if (url.href.length > urlLength) return `is longer than ${urlLength} characters`
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password'
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  if (url.port === '0') return 'must not have the port 0'
  if (url.hostname.endsWith('.')) return "must not have a host that ends with '.'"
  if (!isHostname(url.hostname)) return 'has a host that is neither an address nor a name of letters, digits, - and _'
  return undefined
}
