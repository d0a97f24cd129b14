import { defineErrors } from '@capsule/core'

// unit: characters
const quotedLength = 100

/** Of what a cell gave: on one line, and not all of it. */
const quoted = (text: string): string =>
  JSON.stringify(text.length > quotedLength ? `${text.slice(0, quotedLength)}…` : text)

export const shellErrors = defineErrors({
  SHELL_COMMAND_UNKNOWN: {
    message: ({ command, allowed }: { command: string; allowed: readonly string[] }) =>
      `the command ${quoted(command)} is not allowed; allowed are ${allowed.join(', ')}`,
    cause: 'Only the names that the host declared in `commands` can be run; a path or a shell line is not a name.',
    next: 'Use one of the names in the message, or declare the command in `shell({ commands })`.',
  },
  SHELL_ARGUMENTS_INVALID: {
    message: ({ command, problems }: { command: string; problems: readonly string[] }) =>
      `the arguments of ${command} are not allowed: ${problems.join('; ')}`,
    cause: 'The arguments do not follow the schema of the command, or cannot be given to a program as they are.',
    next: 'Correct the positions that the message names, or widen `args` of the command.',
  },
  SHELL_CWD_INVALID: {
    message: ({ cwd, rule }: { cwd: string; rule: string }) => `cwd ${quoted(cwd)} is not allowed: ${rule}`,
    cause:
      'A working directory is a directory inside of the root that the host gave; links out of it are not followed.',
    next: 'Give a path relative to the root that stays inside, leave `cwd` out, or set `root` in `shell({ root })`.',
  },
  SHELL_SPAWN_FAILED: {
    message: ({ command, reason }: { command: string; reason: string }) => `${command} could not be started: ${reason}`,
    cause: 'The system refused to start the process: it may be out of processes, files or memory, or may not do it.',
    next: 'The host sees more in `error.cause`; check uid, gid, mounts and the limits of the system.',
  },
  SHELL_BINARY_CHANGED: {
    message: ({ command }: { command: string }) =>
      `the program of ${command} is not the file any more that it was when the host allowed it`,
    cause: 'The file was replaced, rewritten, moved or made not executable after `shell()` had looked at it.',
    next: 'If that was an update that you trust, make the provider anew; else find out who wrote to the file.',
  },
  SHELL_TIMED_OUT: {
    message: ({ command, timeoutMs }: { command: string; timeoutMs: number }) =>
      `${command} took longer than ${timeoutMs} ms (timeoutMs of the command) and was ended`,
    cause: 'The command, or what it had started, still ran at its deadline.',
    next: 'Make its work smaller, or raise `timeoutMs` of the command.',
  },
  SHELL_OUTPUT_TOO_LARGE: {
    message: ({ command, stream, limitBytes }: { command: string; stream: string; limitBytes: number }) =>
      `${command} wrote more than ${limitBytes} bytes to ${stream} (maxOutputBytes of the command) and was ended`,
    cause: "The output of a command with `overflow: 'fail'` is over its limit.",
    next: "Ask the command for less, raise its `maxOutputBytes`, or take the first part with `overflow: 'truncate'`.",
  },
  SHELL_INPUT_TOO_LARGE: {
    message: ({ command, limitBytes }: { command: string; limitBytes: number }) =>
      `the input of ${command} is over the limit of ${limitBytes} bytes (maxInputBytes of the command)`,
    cause: 'More was given for the standard input of the command than its limit.',
    next: 'Send less, or raise `maxInputBytes` of the command.',
  },
  SHELL_EXIT_UNEXPECTED: {
    message: ({ command, exitCode, expected, stderr }: ExitDetails) =>
      `${command} ended with ${exitCode}, not with ${expected.join(' or ')} (exitCodes of the command)${stderr === '' ? '' : `: ${stderr}`}`,
    cause: 'The command names the exit codes that are a success in `exitCodes`, and ended with another.',
    next: 'See the end of its stderr in the message; leave `exitCodes` out to get every exit as a value.',
  },
  SHELL_TREE_KILL_UNAVAILABLE: {
    message: ({ wanted, reason }: { wanted: string; reason: string }) => `${wanted} cannot be had here: ${reason}`,
    cause:
      'What is asked for needs Linux with bubblewrap and with namespaces that this user may make; Windows has neither way.',
    next: "Install bubblewrap (and allow user namespaces), or leave `mounts` and `network` out and take `treeKill: 'group'`, which is weaker.",
  },
  SHELL_LIMIT_UNAVAILABLE: {
    message: ({ option, tool }: { option: string; tool: string }) =>
      `${option} needs the program ${tool}, which is not here`,
    cause: 'Limits of processes are set by a small program of util-linux or coreutils, as Node cannot set them.',
    next: 'Install the program named in the message, or leave the option out.',
  },
})

interface ExitDetails {
  readonly command: string
  readonly exitCode: number
  readonly expected: readonly number[]
  /** The last line of it. */
  readonly stderr: string
}
