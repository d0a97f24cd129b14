import { validateHeaderName, validateHeaderValue } from 'node:http'
import * as z from 'zod'

// what HTTP cannot carry would be refused with each call, and by an error that shows it
const isHeader = (name: string, value: string): boolean => {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
const isBare = (url: string): boolean => {
  const { username, password, search, hash } = new URL(url)
  return [username, password, search, hash].every((part) => part === '')
}
const withoutSlashes = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`.replace(/\/+$/, '')
}

/** Without slashes at its end. Credentials in it would be refused with each request, by an error that shows them. */
export const serverUrlSchema = z
  .url({ protocol: /^https?$/, abort: true })
  .refine(isBare, 'must have no credentials, query or fragment; a token goes into `token` or `headers`')
  .transform(withoutSlashes)

export const tokenSchema = z
  .string()
  .min(1)
  .refine((token) => isHeader('authorization', token), 'has characters that no header can carry')

export const headersSchema = z
  .record(z.string(), z.string())
  .refine((headers) => Object.entries(headers).every(([name, value]) => isHeader(name, value)), {
    error: 'have a name or a value that HTTP cannot carry',
  })
