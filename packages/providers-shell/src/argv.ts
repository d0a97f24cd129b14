import { isAbsolute, resolve } from 'node:path'
import * as z from 'zod'
import { isInside, realDirectory, whereItLeads } from './real-path.ts'

/** One part of an argument list: takes what it knows from a position on. */
export interface ArgvPart {
  /** What it stands for, as in a usage line. */
  readonly usage: string
  match(args: readonly string[], at: number): ArgvMatch
  /** The same, where it may be missing. */
  optional(): ArgvPart
}

export interface ArgvProblem {
  /** The position of the argument. */
  readonly at: number
  readonly problem: string
}

export type ArgvMatch =
  | {
      readonly isMatch: true
      /** How many arguments it took. */
      readonly taken: number
      /** What the program gets for them. */
      readonly argv: readonly string[]
      /** Why it did not take more: the better message when nothing else does. */
      readonly stop?: ArgvProblem | undefined
    }
  | ({ readonly isMatch: false } & ArgvProblem)

/**
 * The schema of an argument list: its parts in their order, and nothing else. Each part takes as much as it can and
 * gives nothing back, so an optional part stands before one that looks different.
 */
export function argv(parts: readonly ArgvPart[]): z.ZodType<string[]> {
  const line = sequence(parts)
  return z.array(z.string()).transform((args, { issues }) => {
    const match = line.match(args, 0)
    if (match.isMatch && match.taken === args.length) return [...match.argv]
    const { at, problem } = match.isMatch ? leftover(match.taken, match.stop, line.usage) : match
    issues.push({ code: 'custom', path: [at], message: problem, input: args })
    return z.NEVER
  })
}

/** Exactly this argument. It may begin with `-`: it is the host who wrote it. */
export const literal = (value: string): ArgvPart =>
  single(value, (argument) => (argument === value ? undefined : `must be ${JSON.stringify(value)}`))

/** One of these arguments. */
export const oneOf = (values: readonly string[]): ArgvPart =>
  single(values.join('|'), (argument) =>
    values.includes(argument) ? undefined : `must be one of ${values.map((each) => JSON.stringify(each)).join(', ')}`,
  )

/** An option by its name, and the arguments that follow it: `option('--depth', pattern(/\d+/))` takes `--depth 3`. */
export const option = (name: string, ...values: readonly ArgvPart[]): ArgvPart => sequence([literal(name), ...values])

/** Any text that is no option: it does not begin with `-`. */
export const text = (usage = 'text'): ArgvPart => single(usage, optionProblem)

/** What the whole of the expression matches and is no option; with `allowDash` the expression alone decides. */
export function pattern(expression: RegExp, { allowDash = false }: { readonly allowDash?: boolean } = {}): ArgvPart {
  // `g` and `y` remember where they were, and `m` would let a line of the argument match for all of it
  const whole = new RegExp(`^(?:${expression.source})$`, expression.flags.replaceAll(/[gym]/g, ''))
  return single(String(expression), (argument) => {
    const problem = allowDash ? undefined : optionProblem(argument)
    return problem ?? (whole.test(argument) ? undefined : `must match ${String(expression)}`)
  })
}

/**
 * A path that stays below the working directory by its text: relative, no `..`, no option. Where links below it lead is
 * not looked at; `pathInside` does.
 */
export const relativePath = (usage = 'path'): ArgvPart =>
  single(usage, (argument) => {
    if (argument === '' || isAbsolute(argument)) return 'must be a relative path'
    return argument.split(/[/\\]/).includes('..') ? 'must be a path without ..' : optionProblem(argument)
  })

/**
 * A path inside of a directory of the host, with links followed. The program gets it absolute, so that it means the same
 * in every working directory. What changes between this look and the program's own is not seen.
 */
export function pathInside(directory: string, usage = 'path'): ArgvPart {
  const root = realDirectory(directory)
  return part(usage, (args, at) => {
    const argument = args[at]
    if (argument === undefined) return missing(at, usage)
    const path = resolve(root, argument)
    const leadsTo = whereItLeads(path)
    if (leadsTo !== undefined && isInside(root, leadsTo)) return { isMatch: true, taken: 1, argv: [path] }
    return { isMatch: false, at, problem: 'must be a path that stays inside of its directory' }
  })
}

/** As many of them as follow. @defaultValue 0 to 256 */
export function rest(
  each: ArgvPart,
  { min = 0, max = 256 }: { readonly min?: number; readonly max?: number } = {},
): ArgvPart {
  return part(`${each.usage}...`, (args, at) => {
    const argv: string[] = []
    let taken = 0
    let stop: ArgvProblem | undefined
    for (let count = 0; count < max; count++) {
      if (at + taken >= args.length && count >= min) break
      const match = each.match(args, at + taken)
      if (!match.isMatch && count < min) return match
      stop = match.isMatch ? match.stop : match
      // one that takes nothing would take nothing for ever
      if (!match.isMatch || match.taken === 0) break
      argv.push(...match.argv)
      taken += match.taken
    }
    return { isMatch: true, taken, argv, stop }
  })
}

function sequence(parts: readonly ArgvPart[]): ArgvPart {
  return part(parts.map(({ usage }) => usage).join(' '), (args, at) => {
    const argv: string[] = []
    let taken = 0
    let stop: ArgvProblem | undefined
    for (const each of parts) {
      const match = each.match(args, at + taken)
      if (!match.isMatch) return match
      argv.push(...match.argv)
      taken += match.taken
      stop = match.stop ?? (match.taken > 0 ? undefined : stop)
    }
    return { isMatch: true, taken, argv, stop }
  })
}

/** A part of one argument, which goes to the program as it is. */
function single(usage: string, problemOf: (argument: string) => string | undefined): ArgvPart {
  return part(usage, (args, at) => {
    const argument = args[at]
    if (argument === undefined) return missing(at, usage)
    const problem = problemOf(argument)
    return problem === undefined ? { isMatch: true, taken: 1, argv: [argument] } : { isMatch: false, at, problem }
  })
}

function part(usage: string, match: ArgvPart['match']): ArgvPart {
  const optional = (): ArgvPart =>
    part(`[${usage}]`, (args, at) => {
      const found = match(args, at)
      return found.isMatch ? found : { isMatch: true, taken: 0, argv: [], stop: found }
    })
  return Object.freeze({ usage, match, optional })
}

const missing = (at: number, usage: string): ArgvMatch => ({ isMatch: false, at, problem: `is missing: ${usage}` })

const leftover = (at: number, stop: ArgvProblem | undefined, usage: string): ArgvProblem =>
  stop !== undefined && stop.at >= at ? stop : { at, problem: `is one too many after ${usage === '' ? 'none' : usage}` }

const optionProblem = (argument: string): string | undefined =>
  argument.startsWith('-') ? 'must not begin with -' : undefined
