import type * as z from 'zod'
import { defaultArguments } from './check-arguments.ts'
import { shellErrors } from './errors.ts'
import { openProgramFile, type ProgramFile } from './program-file.ts'
import type { ResolvedCommand } from './shell-options.ts'

export interface ReadyCommand extends Omit<ResolvedCommand, 'path' | 'args'> {
  readonly name: string
  readonly program: ProgramFile
  readonly args: z.ZodType<readonly string[]>
}

export interface AllowedCommands {
  readonly all: readonly ReadyCommand[]
  /** @throws SHELL_COMMAND_UNKNOWN */
  get(name: string): ReadyCommand
}

/** Looks at the programs. A problem is one of the options. */
export function openAllowedCommands(
  commands: Readonly<Record<string, ResolvedCommand>>,
  onProblem: (problem: string) => void,
): AllowedCommands {
  const byName = new Map<string, ReadyCommand>()
  for (const [name, { path, args = defaultArguments, ...command }] of Object.entries(commands)) {
    try {
      byName.set(name, { ...command, name, args, program: openProgramFile(path) })
    } catch (error) {
      onProblem(`commands.${name}.path: ${(error as Error).message}`)
    }
  }
  return {
    all: [...byName.values()],
    get(name) {
      const command = byName.get(name)
      if (command === undefined) throw shellErrors.SHELL_COMMAND_UNKNOWN({ command: name, allowed: [...byName.keys()] })
      return command
    },
  }
}
