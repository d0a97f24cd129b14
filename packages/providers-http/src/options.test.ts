import { coreErrors } from '@capsule/core'
import { expect, it } from 'vitest'
import { checkHttpOptions, type HttpOptions } from './options.ts'
import { isPublicAddress } from './public-address.ts'

function problemsOf(options: unknown): unknown {
  try {
    return checkHttpOptions(options as HttpOptions, isPublicAddress) && []
  } catch (error) {
    if (!coreErrors.INVALID_OPTIONS.is(error)) throw error
    return error.details.problems.map((problem) => problem.slice(0, 60))
  }
}

it('has the documented defaults', () => {
  expect(checkHttpOptions({ allow: ['a.example'] }, isPublicAddress)).toEqual({
    allow: [{ kind: 'exact', hostname: 'a.example', port: undefined }],
    deny: [],
    allowPrivate: [],
    methods: ['GET', 'HEAD'],
    schemes: ['https', 'http'],
    ports: [],
    maxRedirects: 5,
    maxResponseBytes: 8 * 1024 * 1024,
    maxRequestBytes: 1024 * 1024,
    maxHeaderBytes: 16 * 1024,
    maxConcurrent: 16,
    timeoutMs: 30_000,
    connectTimeoutMs: 10_000,
    requestHeaders: expect.arrayContaining(['accept', 'content-type', 'x-api-key']) as unknown,
    secretHeaders: {},
  })
  expect(checkHttpOptions({ allow: ['*'], retry: {}, methods: ['post'] }, isPublicAddress)).toMatchObject({
    retry: { attempts: 3, statuses: [429, 502, 503, 504], baseDelayMs: 200, maxDelayMs: 5000 },
    methods: ['POST'],
  })
})

it.each([
  [{}, ['allow: Invalid input: expected array, received undefined']],
  [{ allow: [] }, ['allow: must name a host']],
  [{ allow: ['a'], allowed: [] }, ['options: Unrecognized key: "allowed"']],
  [{ allow: ['https://a.example'] }, ['allow.0: "https://a.example" is no host: write example.com, ']],
  [{ allow: ['a', '127.0.0.1'] }, ['allow.1: 127.0.0.1 is no public address: name it with its po']],
  [{ allow: ['[::1]:80'] }, ['allow.0: ::1 is no public address: name it with its port in ']],
  [{ allow: [], allowPrivate: ['127.0.0.1'] }, ["allowPrivate.0: must be one host with its port, such as '127"]],
  [{ allow: [], allowPrivate: ['*.local:80'] }, ["allowPrivate.0: must be one host with its port, such as '127"]],
  [
    { allow: [], allowPrivate: ['169.254.169.254:80'] },
    ['allowPrivate.0: 169.254.169.254 is not a private or loopback'],
  ],
  [{ allow: [], allowPrivate: ['8.8.8.8:80'] }, ['allowPrivate.0: 8.8.8.8 is not a private or loopback address']],
  [{ allow: ['a'], methods: ['CONNECT'] }, ['methods.0: CONNECT, TRACE and TRACK cannot be granted']],
  [{ allow: ['a'], methods: ['GET X'] }, ['methods.0: must be a method, such as POST']],
  [{ allow: ['a'], schemes: ['ftp'] }, ['schemes.0: Invalid option: expected one of "https"|"http"']],
  [{ allow: ['a'], ports: [0] }, ['ports.0: Too small: expected number to be >=1']],
  [{ allow: ['a'], maxRedirects: 21 }, ['maxRedirects: Too big: expected number to be <=20']],
  [{ allow: ['a'], timeoutMs: 0 }, ['timeoutMs: Too small: expected number to be >0']],
  [{ allow: ['a'], retry: { attempts: 1 } }, ['retry.attempts: Too small: expected number to be >=2']],
  [{ allow: ['a'], requestHeaders: ['Host'] }, ['requestHeaders.0: must be a header name, and none of the con']],
  [{ allow: ['a'], requestHeaders: ['a b'] }, ['requestHeaders.0: must be a header name, and none of the con']],
  [{ allow: ['a'], secretHeaders: { a: { host: 'x' } } }, ['secretHeaders.a.host: Invalid key in record']],
  [
    { allow: ['a'], secretHeaders: { a: { b: 'x\n' } } },
    ['secretHeaders.a.b: must be a header value or a function that'],
  ],
  [{ allow: ['a'], secretHeaders: { a: { b: '' } } }, ['secretHeaders.a.b: must be a header value or a function that']],
  [{ allow: ['a'], secretHeaders: { '*': { b: 'x' } } }, ['secretHeaders.*: Invalid key in record']],
  [{ allow: ['a'], secretHeaders: { 'ftp://a': { b: 'x' } } }, ['secretHeaders.ftp://a: Invalid key in record']],
])('says what is wrong with %j', (options, problems) => {
  expect(problemsOf(options)).toEqual(problems)
})

it('never shows the value of a secret', () => {
  const options = { allow: ['a'], secretHeaders: { a: { b: 's3cret\n' } } }
  expect(() => checkHttpOptions(options, isPublicAddress)).not.toThrow(/s3cret/)
})
