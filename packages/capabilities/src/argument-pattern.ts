import * as z from 'zod'
import { compileGlob } from './glob.ts'

type Scalar = string | number | boolean | null

/**
 * What one field of a call's checked input must be; all that is said must hold. A field that is not there (or
 * `undefined`) matches nothing but `exists: false` and `optional: true`.
 */
export interface ArgumentPattern {
  readonly equals?: Scalar | undefined
  readonly in?: readonly Scalar[] | undefined
  /** Plain text; for paths and URLs use `glob` and `host`, which see through `..` and user names. */
  readonly startsWith?: string | undefined
  readonly endsWith?: string | undefined
  /** `*`: any characters but `/`; `**`: any; `?`: one that is not `/`. One of several is enough. */
  readonly glob?: string | readonly string[] | undefined
  /** Of a URL: `api.example.com`, or `*.example.com` for what is under it. One of several is enough. */
  readonly host?: string | readonly string[] | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Of a text (UTF-16 units), an array or bytes. */
  readonly maxLength?: number | undefined
  /** The field is there and this does not hold. */
  readonly not?: ArgumentPattern | undefined
  /** Of an array: each item. */
  readonly every?: ArgumentPattern | undefined
  /** Of an array: at least one item. */
  readonly some?: ArgumentPattern | undefined
  /** `false`: the field is not there; `true`: it is. */
  readonly exists?: boolean | undefined
  /** The field may be missing; where it is there, the rest must hold. */
  readonly optional?: boolean | undefined
}

// unit: UTF-16 units; threat: rules that take longer to match than the call to make
const patternLength = 512
// unit: entries of `in`, `glob` or `host`
const listLength = 1000
// unit: UTF-16 units of a text that `glob` and `host` judge; a longer one is unclear. Threat: texts of megabytes
const judgedLength = 8192
// unit: wildcards of one glob; threat: texts that keep many states alive for each of their characters
const maxWildcards = 16

const textSchema = z.string().max(patternLength)
const scalarSchema = z.union([textSchema, z.number(), z.boolean(), z.null()])
const oneOrMore = (schema: z.ZodType<string>): z.ZodType<string | string[]> =>
  z.union([schema, z.array(schema).min(1).max(listLength)])

/** A `.` or `..` between separators, as it is or percent-encoded, or an empty part. */
const unclearPath = /(?:^|[/\\:])(?:\.|%2e){1,2}(?:$|[/\\])|[^:/\\][/\\]{2}|\0/i

const globSchema = textSchema
  .refine(
    (glob) => !unclearPath.test(glob),
    'must hold no . and .. and no empty part: no path that does matches a glob',
  )
  .refine((glob) => (glob.match(/\*+|\?/g) ?? []).length <= maxWildcards, `must hold at most ${maxWildcards} wildcards`)
const hostSchema = textSchema.regex(
  /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/,
  'must be a host name in lower case, with at most *. in front: no scheme, port or path',
)

export const argumentPatternSchema: z.ZodType<ArgumentPattern> = z
  .strictObject({
    equals: scalarSchema.optional(),
    in: z.array(scalarSchema).min(1).max(listLength).optional(),
    startsWith: textSchema.min(1).optional(),
    endsWith: textSchema.min(1).optional(),
    glob: oneOrMore(globSchema).optional(),
    host: oneOrMore(hostSchema).optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    maxLength: z.number().int().nonnegative().optional(),
    get not() {
      return argumentPatternSchema.optional()
    },
    get every() {
      return argumentPatternSchema.optional()
    },
    get some() {
      return argumentPatternSchema.optional()
    },
    exists: z.boolean().optional(),
    optional: z.boolean().optional(),
  })
  .refine((pattern) => Object.keys(pattern).some((key) => key !== 'optional'), 'must say what the field must be')

type Matcher = (value: unknown) => boolean

/**
 * Of the value of a field, `undefined` if it is not there. `unclear` is the answer for what cannot be judged: a path
 * that means another one (`a/../b`), a URL that is none, a text that is too long. It is false where a match allows and
 * true where a match denies.
 */
export function compileArgumentPattern(pattern: ArgumentPattern, unclear: boolean): Matcher {
  const { exists, optional = false } = pattern
  const matchers = matchersOf(pattern, unclear)
  if (exists === false) return (value) => value === undefined
  const [only] = matchers
  if (matchers.length === 1 && only !== undefined) return (value) => (value === undefined ? optional : only(value))
  return (value) => (value === undefined ? optional : matchers.every((matches) => matches(value)))
}

function matchersOf(pattern: ArgumentPattern, unclear: boolean): Matcher[] {
  const { equals, startsWith, endsWith, glob, host, min, max, maxLength, not, every, some } = pattern
  const matchers: Matcher[] = []
  if (equals !== undefined) matchers.push((value) => value === equals)
  if (pattern.in !== undefined) {
    const values = new Set<unknown>(pattern.in)
    matchers.push((value) => values.has(value))
  }
  if (startsWith !== undefined) matchers.push((value) => typeof value === 'string' && value.startsWith(startsWith))
  if (endsWith !== undefined) matchers.push((value) => typeof value === 'string' && value.endsWith(endsWith))
  if (glob !== undefined) matchers.push(globMatcher([glob].flat(), unclear))
  if (host !== undefined) matchers.push(hostMatcher([host].flat(), unclear))
  if (min !== undefined) matchers.push((value) => isNumeric(value) && value >= min)
  if (max !== undefined) matchers.push((value) => isNumeric(value) && value <= max)
  if (maxLength !== undefined) matchers.push((value) => lengthOf(value) <= maxLength)
  if (not !== undefined) {
    const matches = compileArgumentPattern(not, !unclear)
    matchers.push((value) => !matches(value))
  }
  if (every !== undefined) {
    const matches = compileArgumentPattern(every, unclear)
    matchers.push((value) => Array.isArray(value) && value.every((item) => matches(item)))
  }
  if (some !== undefined) {
    const matches = compileArgumentPattern(some, unclear)
    matchers.push((value) => Array.isArray(value) && value.some((item) => matches(item)))
  }
  return matchers
}

function globMatcher(globs: readonly string[], unclear: boolean): Matcher {
  const matchers = globs.map(compileGlob)
  return (value) => {
    if (typeof value !== 'string') return false
    if (value.length > judgedLength || unclearPath.test(value)) return unclear
    return matchers.some((matches) => matches(value))
  }
}

function hostMatcher(hosts: readonly string[], unclear: boolean): Matcher {
  const exact = new Set(hosts.filter((host) => !host.startsWith('*.')))
  const suffixes = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1))
  return (value) => {
    if (typeof value !== 'string') return false
    if (value.length > judgedLength) return unclear
    const url = URL.parse(value)
    if (url === null) return unclear
    // `example.com.` is the same host
    const hostname = url.hostname.endsWith('.') ? url.hostname.slice(0, -1) : url.hostname
    return exact.has(hostname) || suffixes.some((suffix) => hostname.endsWith(suffix))
  }
}

const isNumeric = (value: unknown): value is number => typeof value === 'number' || typeof value === 'bigint'

/** `Infinity` for what has no length, which is more than any limit. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length
  return Infinity
}

const phrases: Readonly<Record<string, string>> = {
  equals: 'be',
  in: 'be one of',
  glob: 'match',
  host: 'have the host',
  startsWith: 'start with',
  endsWith: 'end with',
  min: 'be at least',
  max: 'be at most',
  maxLength: 'have a length of at most',
  not: 'not',
  every: 'have only items that each',
  some: 'have an item to',
}

/** What comes behind `must`, for the reasons that people read. */
export function describeArgumentPattern({ optional = false, exists, ...pattern }: ArgumentPattern): string {
  const demands = Object.entries(pattern)
    .filter(([, value]) => value !== undefined)
    .map(([operator, value]) => `${phrases[operator]} ${describeOperand(operator, value)}`)
  if (exists !== undefined) demands.push(exists ? 'be there' : 'not be there')
  return demands.join(' and ') + (optional ? ', or not be there' : '')
}

function describeOperand(operator: string, value: unknown): string {
  if (operator === 'not' || operator === 'every' || operator === 'some')
    return `(${describeArgumentPattern(value as ArgumentPattern)})`
  return [value]
    .flat()
    .map((each) => JSON.stringify(each))
    .join(', ')
}
