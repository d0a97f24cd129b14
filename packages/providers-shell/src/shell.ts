import { type CapabilityProvider, defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'
import type { ReadyCommand } from './allowed-commands.ts'
import { checked } from './checked.ts'
import { runCommand } from './run-command.ts'
import { createShellHost, type ShellHost } from './shell-host.ts'
import { runOutputSchema, type ShellInput, shellInputSchema } from './shell-input.ts'
import { type ShellOptions, shellOptionsSchema } from './shell-options.ts'
import { streamCommand } from './stream-command.ts'

/**
 * The capabilities `shell.run` and `shell.start`: the commands that the host names, each a program with a schema for its
 * arguments. No shell has a part in it, and all that a command starts is gone when the command is.
 * @throws INVALID_OPTIONS, SHELL_TREE_KILL_UNAVAILABLE, SHELL_LIMIT_UNAVAILABLE
 */
export function shell(options: ShellOptions): CapabilityProvider {
  const host = createShellHost(checked('shell', shellOptionsSchema.safeParse(options)))
  const list = host.commands.all.map(({ name, summary }) => (summary === undefined ? name : `${name} (${summary})`))
  const common = {
    input: shellInputSchema,
    positional: ['command', 'args'],
    bodyField: 'input',
    limits: limitsOf(host),
    describeCall,
  } as const
  return defineProvider({
    name: 'shell',
    specificationVersion: 'v1',
    capabilities: {
      run: {
        ...common,
        summary: `Runs a command to its end and gives its output. Allowed: ${list.join(', ')}.`,
        output: runOutputSchema,
        handler: (input, context) => runCommand(host, input, context),
      },
      start: {
        ...common,
        summary: `Starts a command and streams its output. Allowed: ${list.join(', ')}.`,
        output: z.strictObject({}),
        returns: 'body',
        handler: (input, context) => streamCommand(host, input, context),
      },
    },
    dispose: () => host.dispose(),
  })
}

/** A command ends by its own limits, with their errors, before a call ends by these. */
const endingMs = 10_000
/** A byte that is no UTF-8 becomes three. */
const bytesPerByte = 3

function limitsOf({ commands, slots }: ShellHost) {
  const largest = (of: (command: ReadyCommand) => number): number => Math.max(...commands.all.map(of))
  return {
    timeoutMs: largest(({ timeoutMs }) => timeoutMs) + endingMs,
    inputBytes: largest(({ maxInputBytes }) => maxInputBytes) + 256 * 1024,
    outputBytes: 2 * bytesPerByte * largest(({ maxOutputBytes }) => maxOutputBytes) + 64 * 1024,
    concurrent: slots.count,
  }
}

// unit: characters
const describedLength = 200

/** As one would write it, with quotes around each argument so that one with blanks is seen as one. */
function describeCall({ command, args, cwd, input }: ShellInput): string {
  const name = /^[\w.+-]+$/.test(command) ? command : JSON.stringify(command)
  const line = [name, ...args.map((argument) => JSON.stringify(argument))].join(' ')
  const where = cwd === undefined ? '' : ` in ${cut(JSON.stringify(cwd))}`
  return `${cut(line)}${where}${input === undefined ? '' : ' with input'}`
}

const cut = (line: string): string => (line.length > describedLength ? `${line.slice(0, describedLength)}…` : line)
