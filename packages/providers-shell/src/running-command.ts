import type { SpawnOptions } from 'node:child_process'
import { throwIfAborted } from '@capsule/core'
import { type CapabilityContext, capabilityBody, type CapsuleError } from '@capsule/provider-sdk'
import type { ReadyCommand } from './allowed-commands.ts'
import { checkArguments } from './check-arguments.ts'
import { commandEnvironment } from './command-environment.ts'
import { type CommandExit, CommandProcess, type OutputStream } from './command-process.ts'
import { shellErrors } from './errors.ts'
import { createOutputLimit, type OutputLimit } from './output-limit.ts'
import type { ShellHost } from './shell-host.ts'
import type { ShellInput } from './shell-input.ts'
import { openWorkingDirectory, type WorkingDirectory } from './working-directory.ts'

export type OnOutput = (stream: OutputStream, chunk: Buffer) => void

export interface RunningCommand {
  /** Resolves when all of it is gone and cleaned up, and rejects with why it was ended. */
  readonly ended: Promise<CommandExit & { readonly truncated?: true }>
  end(reason: CapsuleError): void
  setOutputPaused(isPaused: boolean): void
}

/** Checks a call, waits for its turn and starts its command; all that it takes is given back when `ended` settles. */
export async function startCommand(
  host: ShellHost,
  input: ShellInput,
  context: CapabilityContext,
  onOutput: OnOutput,
): Promise<RunningCommand> {
  const command = host.commands.get(input.command)
  const args = checkArguments(command.name, command.args, input.args)
  const stdin = inputOf(input, command, context)
  const signal = AbortSignal.any([context.signal, host.disposal])
  const release = await host.slots.take(`the command ${command.name}`, { signal })
  let directory: WorkingDirectory | undefined
  try {
    if (!command.program.isUnchanged()) throw shellErrors.SHELL_BINARY_CHANGED({ command: command.name })
    const { root, uid, gid } = host
    directory = await openWorkingDirectory({ root, uid, gid, cwd: input.cwd, logger: context.logger })
    throwIfAborted(signal, `the command ${command.name}`)
    const { process, limit } = startProcess(host, { command, args, stdin, directory, signal, context, onOutput })
    return {
      ended: ended(host, process, { command, limit, directory, release, context }),
      end: (reason) => process.end(reason),
      setOutputPaused: (isPaused) => process.setOutputPaused(isPaused),
    }
  } catch (error) {
    await directory?.release()
    release()
    throw error
  }
}

interface ProcessParts {
  readonly command: ReadyCommand
  readonly args: readonly string[]
  readonly stdin: AsyncIterable<Uint8Array> | undefined
  readonly directory: WorkingDirectory
  readonly signal: AbortSignal
  readonly context: CapabilityContext
  readonly onOutput: OnOutput
}

function startProcess(host: ShellHost, parts: ProcessParts): { process: CommandProcess; limit: OutputLimit } {
  const { command, args, stdin, directory, signal, context, onOutput } = parts
  const { name, program, env, timeoutMs, maxInputBytes, maxOutputBytes, overflow } = command
  const tree = host.trees.launch({
    argv: [program.path, ...args],
    realPath: program.realPath,
    cwd: directory.path,
    writable: directory.writable,
  })
  const [file, ...rest] = [...host.prefix, ...tree.argv] as [string, ...string[]]
  const limit = createOutputLimit({
    limitBytes: maxOutputBytes,
    onOutput,
    onOverflow: (stream) => {
      const details = { command: name, stream, limitBytes: maxOutputBytes }
      if (overflow === 'fail') process.end(shellErrors.SHELL_OUTPUT_TOO_LARGE(details))
    },
  })
  const spawnOptions: SpawnOptions = {
    cwd: directory.path,
    env: commandEnvironment({ cwd: directory.path, env, added: tree.env }),
    stdio: host.stdioOf([stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...tree.moreStdio]),
    shell: false,
    windowsHide: true,
    // a session and a process group of its own: no terminal, and what is in the group can be ended with it
    detached: true,
    ...(host.uid === undefined ? {} : { uid: host.uid }),
    ...(host.gid === undefined ? {} : { gid: host.gid }),
  }
  const process = new CommandProcess({
    command: name,
    trees: host.trees,
    launch: { ...tree, argv: [file, ...rest] },
    spawnOptions,
    input: stdin,
    maxInputBytes,
    timeoutMs,
    signal,
    clock: host.clock,
    logger: context.logger,
    onOutput: limit.add,
  })
  return { process, limit }
}

interface EndParts {
  readonly command: ReadyCommand
  readonly limit: OutputLimit
  readonly directory: WorkingDirectory
  readonly release: () => void
  readonly context: CapabilityContext
}

async function ended(host: ShellHost, process: CommandProcess, parts: EndParts): RunningCommand['ended'] {
  const { command, limit, directory, release, context } = parts
  host.running.add(process)
  try {
    const exit = await process.ended
    context.annotate({ exitCode: exit.exitCode, durationMs: exit.durationMs, outputBytes: limit.bytes })
    const { name, exitCodes } = command
    if (exitCodes !== undefined && !exitCodes.includes(exit.exitCode)) {
      const details = { command: name, exitCode: exit.exitCode, expected: exitCodes, stderr: limit.lastError() }
      throw shellErrors.SHELL_EXIT_UNEXPECTED(details)
    }
    return limit.isTruncated ? { ...exit, truncated: true } : exit
  } finally {
    host.running.delete(process)
    await directory.release()
    release()
  }
}

/** @throws SHELL_INPUT_TOO_LARGE, before anything is started for it */
function inputOf(
  { input }: ShellInput,
  { name, maxInputBytes }: ReadyCommand,
  { body }: CapabilityContext,
): AsyncIterable<Uint8Array> | undefined {
  if (input === undefined) return undefined
  if (input === capabilityBody) return body ?? chunksOf()
  const bytes = typeof input === 'string' ? Buffer.from(input) : input
  if (bytes.length > maxInputBytes) {
    throw shellErrors.SHELL_INPUT_TOO_LARGE({ command: name, limitBytes: maxInputBytes })
  }
  return chunksOf(bytes)
}

// an empty chunk would be the end of some streams, and says nothing
async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks.filter(({ length }) => length > 0)
}
