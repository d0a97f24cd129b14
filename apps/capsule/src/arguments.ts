import { parseArgs } from 'node:util'
import { executors, isolations, milliseconds, oneOf } from './argument-values.ts'
import { parseWorkerHost, type WorkerHostCommand } from './worker-host/worker-host-arguments.ts'

/** What `createCapsule` and `createSession` are told. */
export interface SessionChoice {
  readonly executor?: (typeof executors)[number]
  readonly isolation?: (typeof isolations)[number]
  readonly cwd?: string
  readonly timeoutMs?: number
}

export interface RunCommand {
  readonly name: 'run'
  readonly files: readonly string[]
  readonly session: SessionChoice
  readonly json: boolean
  readonly keepGoing: boolean
  readonly quiet: boolean
}

export type Command =
  | RunCommand
  | { readonly name: 'repl'; readonly session: SessionChoice }
  | WorkerHostCommand
  | { readonly name: 'example'; readonly example?: string }
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'usage-error'; readonly message: string }

const sessionOptions = {
  executor: { type: 'string' },
  isolation: { type: 'string' },
  cwd: { type: 'string' },
  timeout: { type: 'string' },
} as const
const runOptions = {
  ...sessionOptions,
  json: { type: 'boolean' },
  'keep-going': { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
} as const

/** Reads the command line; what is wrong with it comes back as a `usage-error`. */
export function parseArguments(argv: readonly string[]): Command {
  // `npm start -- run x` may hand the `--` on
  const args = argv[0] === '--' ? argv.slice(1) : [...argv]
  const [first, ...rest] = args
  try {
    if (args.some((arg) => arg === '--help' || arg === '-h')) return { name: 'help' }
    if (first === '--version' || first === '-v') return { name: 'version' }
    if (first === undefined || (first.startsWith('-') && first !== '-')) return parseRepl(args)
    switch (first) {
      case 'repl':
        return parseRepl(rest)
      case 'run':
        return parseRun(rest)
      case 'worker-host':
        return parseWorkerHost(rest)
      case 'example':
        return parseExample(rest)
      case 'help':
        return { name: 'help' }
      default:
        return usageError(`unknown command '${first}'`)
    }
  } catch (error) {
    if (error instanceof Error) return usageError(error.message)
    throw error
  }
}

function parseRun(args: string[]): Command {
  const { values, positionals } = parseArgs({ args, options: runOptions, allowPositionals: true })
  if (positionals.length === 0) return usageError('run needs at least one FILE, or - for standard input')
  if (positionals.filter((file) => file === '-').length > 1)
    return usageError('standard input (-) can be read once only')
  return {
    name: 'run',
    files: positionals,
    session: sessionChoice(values),
    json: values.json ?? false,
    keepGoing: values['keep-going'] ?? false,
    quiet: values.quiet ?? false,
  }
}

function parseRepl(args: string[]): Command {
  const { values } = parseArgs({ args, options: sessionOptions })
  return { name: 'repl', session: sessionChoice(values) }
}

function parseExample(args: string[]): Command {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true })
  const [example, extra] = positionals
  if (extra !== undefined) return usageError(`example takes one NAME, not also '${extra}'`)
  return example === undefined ? { name: 'example' } : { name: 'example', example }
}

function sessionChoice(values: { [name in keyof typeof sessionOptions]?: string | undefined }): SessionChoice {
  const { executor, isolation, cwd, timeout } = values
  return {
    ...(executor !== undefined && { executor: oneOf('--executor', executors, executor) }),
    ...(isolation !== undefined && { isolation: oneOf('--isolation', isolations, isolation) }),
    ...(cwd !== undefined && { cwd }),
    ...(timeout !== undefined && { timeoutMs: milliseconds('--timeout', timeout) }),
  }
}

function usageError(message: string): Command {
  return { name: 'usage-error', message }
}
