import type { CapabilityProvider } from '@capsule/provider-sdk'
import { callCapability, type CapabilityCallOptions, type CapabilityCallResult } from '@capsule/provider-sdk/testing'
import type { FetchOutput } from '../src/fetch-input.ts'
import { createHttpProvider, type HttpParts } from '../src/http-provider.ts'
import type { HttpOptions } from '../src/options.ts'
import { isPublicInTests, publicAddress } from './site.ts'

export interface TestOptions extends Partial<HttpOptions>, HttpParts {
  /** What names resolve to. @defaultValue every name leads to the public address of these tests */
  readonly hosts?: Readonly<Record<string, readonly string[]>>
}

/** A provider that may reach every "public" host at the given ports, over real connections. */
export function createTestProvider(ports: readonly number[], given: TestOptions = {}): CapabilityProvider {
  const { hosts, resolve, isPublic, clock, random, ca, ...options } = given
  return createHttpProvider(
    { allow: ['*'], ports, ...options },
    {
      isPublic: isPublic ?? isPublicInTests,
      resolve: resolve ?? ((hostname) => Promise.resolve(addressesOf(hosts?.[hostname] ?? [publicAddress]))),
      ...(clock === undefined ? {} : { clock }),
      ...(random === undefined ? {} : { random }),
      ...(ca === undefined ? {} : { ca }),
    },
  )
}

export const addressesOf = (addresses: readonly string[]): { address: string; family: number }[] =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

/** What a cell gets of `caps.http.fetch(url, init)`. */
export function fetchWith(
  provider: CapabilityProvider,
  url: string,
  init: object = {},
  options: CapabilityCallOptions = {},
): Promise<CapabilityCallResult<FetchOutput>> {
  return callCapability<FetchOutput>(provider, 'fetch', [url, init], options)
}

export function headerOf({ headers }: FetchOutput, name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1]
}

/** How a call fails, as a cell sees it. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no error',
    (error: { code?: string; message: string }) => error.code ?? `no code: ${error.message}`,
  )
}
