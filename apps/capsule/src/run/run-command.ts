import { isCapsuleError } from '@capsule/core'
import type { RunCommand } from '../arguments.ts'
import type { Cell } from '../cells/cell.ts'
import { loadCells } from '../cells/load.ts'
import { exitCodes } from '../exit-codes.ts'
import { openSession } from '../open-session.ts'
import { createScreen, type Screen } from '../screen/screen.ts'
import { type Answers, createLineAnswers } from './answers.ts'
import { type Interrupts, listenForInterrupts } from './interrupts.ts'
import { createJsonReporter } from './json-reporter.ts'
import { runCells } from './run-cells.ts'
import { createTerminalAnswers } from './terminal-answers.ts'
import { createTextReporter } from './text-reporter.ts'

/** `capsule run`: resolves to the exit code. */
export async function runCommand(command: RunCommand): Promise<number> {
  const screen = createScreen(process)
  let cells: Cell[]
  try {
    cells = await loadCells(command.files, { stdin: process.stdin, cwd: command.session.cwd })
  } catch (error) {
    await screen.write('stderr', `capsule: ${(error as Error).message}\n`)
    return exitCodes.usage
  }
  using interrupts = listenForInterrupts()
  const cancel = AbortSignal.any([interrupts.cancel, screen.abandoned])
  try {
    await using opened = await openSession(command.session, cancel)
    using answers = createAnswers(command, screen, interrupts)
    const reporter = command.json ? createJsonReporter(screen) : createTextReporter({ screen, quiet: command.quiet })
    const { session } = opened
    const { keepGoing } = command
    const { exitCode } = await runCells({ session, cells, reporter, answers, keepGoing, cancel, kill: interrupts.kill })
    // who stops reading (`| head`) has what they wanted
    return screen.abandoned.aborted ? exitCodes.ok : exitCode
  } catch (error) {
    if (cancel.aborted) return interrupts.cancel.aborted ? exitCodes.cancelled : exitCodes.ok
    if (!isCapsuleError(error)) throw error
    await screen.write('stderr', `capsule: ${error.message} (${error.code})\n`)
    return error.code === 'INVALID_OPTIONS' ? exitCodes.usage : exitCodes.crashed
  }
}

function createAnswers({ files, json }: RunCommand, screen: Screen, { trigger }: Interrupts): Answers {
  const { stdin, stdout, stderr } = process
  // of --json, standard output is for the machine
  const stream = json ? 'stderr' : 'stdout'
  const output = json ? stderr : stdout
  if (files.includes('-')) return createLineAnswers({ screen: json ? undefined : screen })
  if (!stdin.isTTY || !output.isTTY) return createLineAnswers({ input: stdin, screen: json ? undefined : screen })
  return createTerminalAnswers({ input: stdin, output, screen, stream, onInterrupt: trigger })
}
