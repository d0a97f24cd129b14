/** `http.fetch` for Capsule sessions: allowlists, SSRF-safe, capped. */
import type { CapabilityProvider } from '@capsule/provider-sdk'
import { createHttpProvider } from './http-provider.ts'
import type { HttpOptions } from './options.ts'

export { httpErrors } from './errors.ts'
export type { HttpOptions, RetryOptions } from './options.ts'
export { isPublicAddress } from './public-address.ts'
export { defaultRequestHeaders } from './request-headers.ts'

/**
 * A provider with the capability `http.fetch`, for the hosts that `allow` names.
 * @throws INVALID_OPTIONS
 */
export function http(options: HttpOptions): CapabilityProvider {
  return createHttpProvider(options)
}
