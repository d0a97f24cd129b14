import { type Clock, systemClock } from '@capsule/core'
import { type CapabilityLimits, type CapabilityProvider, defineProvider } from '@capsule/provider-sdk'
import { createFetch } from './fetch.ts'
import { createConnections, type Resolve, systemResolve } from './connector.ts'
import { describeFetch, fetchInput, fetchOutput } from './fetch-input.ts'
import { checkHttpOptions, type CheckedHttpOptions, type HttpOptions } from './options.ts'
import { isPublicAddress } from './public-address.ts'
import { createSecretHeaders } from './secret-headers.ts'
import { createUrlPolicy } from './url-policy.ts'

/** What tests replace; not part of the public API, as each of these can undo what the options promise. */
export interface HttpParts {
  readonly resolve?: Resolve
  readonly isPublic?: (address: string) => boolean
  readonly clock?: Clock
  /** From 0 to 1. */
  readonly random?: () => number
  readonly ca?: string
}

// the broker's own deadline is for a handler that does not end: the error of the provider says more
const brokerGraceMs = 1000
// besides body and headers: the URL, and what the encoding adds
const envelopeBytes = 64 * 1024

/** `http.fetch`, over the parts given. */
export function createHttpProvider(given: HttpOptions, parts: HttpParts = {}): CapabilityProvider {
  const { resolve = systemResolve, isPublic = isPublicAddress, clock = systemClock, random = Math.random, ca } = parts
  const options = checkHttpOptions(given, isPublic)
  const policy = createUrlPolicy(options, isPublic)
  const secretHeaders = createSecretHeaders(options.secretHeaders)
  const connections = createConnections({ ...options, policy, resolve, ca })
  return defineProvider({
    name: 'http',
    specificationVersion: 'v1',
    secrets: secretHeaders.secrets,
    capabilities: {
      fetch: {
        summary: 'Sends an HTTP request to a host that is allowed, and gives its response.',
        effect: isReadOnly(options) ? 'read' : 'write',
        input: fetchInput,
        output: fetchOutput,
        positional: ['url'],
        bodyField: 'body',
        returns: 'response',
        limits: limitsOf(options),
        describeCall: describeFetch,
        handler: createFetch({ options, policy, secretHeaders, connections, clock, random }),
      },
    },
    dispose: () => connections.dispatcher.destroy(),
  })
}

function isReadOnly({ methods }: CheckedHttpOptions): boolean {
  return methods.every((method) => method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
}

function limitsOf(options: CheckedHttpOptions): CapabilityLimits {
  const { timeoutMs, maxRequestBytes, maxResponseBytes, maxHeaderBytes, maxConcurrent } = options
  return {
    timeoutMs: timeoutMs + brokerGraceMs,
    inputBytes: maxRequestBytes + 2 * maxHeaderBytes + envelopeBytes,
    // the broker counts value and body together; the provider's own error about the body says more
    outputBytes: maxResponseBytes + 2 * maxHeaderBytes + envelopeBytes,
    concurrent: maxConcurrent,
  }
}
