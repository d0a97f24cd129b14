import { shellErrors } from './errors.ts'
import type { ProcessLimits } from './shell-options.ts'
import { findSystemTool } from './system-tools.ts'

/** What stands before a command so that it, and what it starts, has limits. @throws SHELL_LIMIT_UNAVAILABLE */
export function limitPrefix({
  processLimits,
  nice,
}: {
  readonly processLimits: ProcessLimits
  readonly nice: number
}): string[] {
  const { cpuSeconds, addressSpaceBytes, fileBytes, openFiles } = processLimits
  const flags = Object.entries({ cpu: cpuSeconds, as: addressSpaceBytes, fsize: fileBytes, nofile: openFiles })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name}=${String(value)}`)
  return [
    ...(flags.length > 0 ? [toolFor('processLimits', 'prlimit'), ...flags, '--'] : []),
    ...(nice > 0 ? [toolFor('nice', 'nice'), '-n', String(nice), '--'] : []),
  ]
}

function toolFor(option: string, tool: string): string {
  const path = findSystemTool(tool)
  if (path === undefined) throw shellErrors.SHELL_LIMIT_UNAVAILABLE({ option, tool })
  return path
}
