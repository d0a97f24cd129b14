import { streamable } from '@capsule/provider-sdk'
import * as z from 'zod'
import { normalizedUrl } from './request-url.ts'

const headerPair = z.tuple([z.string(), z.string()])
const body = streamable(z.union([z.string(), z.instanceof(Uint8Array)]))

/** What `http.fetch` takes. Policies match it, so URL and method have one form only: the one that is sent. */
export const fetchInput = z
  .strictObject({
    url: z.string().transform(normalizedUrl).describe('An absolute http or https URL.'),
    method: z
      .string()
      .regex(/^[A-Za-z]{1,32}$/, 'must be a method, such as GET')
      .transform((method) => method.toUpperCase())
      .default('GET'),
    headers: z.union([z.record(z.string(), z.string()), z.array(headerPair)]).optional(),
    body: body.optional().describe('Text, bytes or a stream of bytes.'),
    redirect: z
      .enum(['follow', 'error', 'manual'])
      .default('follow')
      .describe('What to do with a redirect; `manual` returns it as it is.'),
  })
  .refine(({ method, body: given }) => given === undefined || (method !== 'GET' && method !== 'HEAD'), {
    path: ['body'],
    message: 'a GET or HEAD request has none: leave it out or use another method',
  })

export const fetchOutput = z.strictObject({
  status: z.number().int(),
  statusText: z.string(),
  url: z.string(),
  redirected: z.boolean(),
  headers: z.array(headerPair),
})

export type FetchInput = z.output<typeof fetchInput>
export type FetchOutput = z.output<typeof fetchOutput>

// unit: characters
const describedLength = 200

/** `POST https://host/path?page=…`: no credentials, no values of a query, no body. */
export function describeFetch({ url: text, method }: FetchInput): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return `${method} (no http URL)`
  const names = [...new Set(url.searchParams.keys())].map((name) => `${encodeURIComponent(name)}=…`)
  const line = `${method} ${url.protocol}//${url.host}${url.pathname}${names.length === 0 ? '' : `?${names.join('&')}`}`
  return line.length > describedLength ? `${line.slice(0, describedLength - 1)}…` : line
}
