import { isCapsuleError } from '@capsule/core'
import type { SessionChoice } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import { openSession } from '../open-session.ts'
import { createScreen } from '../screen/screen.ts'
import { dotCommandNames } from './dot-commands.ts'
import { historyFile, openHistory } from './history.ts'
import { LineEditor } from './line-editor.ts'
import { runRepl } from './repl.ts'

/** `capsule` in a terminal: resolves to the exit code. */
export async function replCommand(choice: SessionChoice): Promise<number> {
  const screen = createScreen(process)
  const end = new AbortController()
  const onTerminate = (): void => end.abort()
  process.on('SIGTERM', onTerminate).on('SIGHUP', onTerminate)
  const signal = AbortSignal.any([end.signal, screen.abandoned])
  try {
    await using opened = await openSession(choice, signal)
    const { session } = opened
    const { isolation, worker } = session.info()
    const engine = worker === undefined ? '' : `Node ${worker.nodeVersion}, `
    await screen.write('stdout', `Capsule: ${engine}isolation ${isolation}. .help lists the commands, Ctrl-D leaves.\n`)
    await runRepl({
      session,
      screen,
      signal,
      openEditor: ({ onInterrupt, complete }) =>
        new LineEditor({
          input: process.stdin,
          output: process.stdout,
          history: openHistory(historyFile(process.env)),
          onInterrupt,
          complete: async (line) => (line.startsWith('.') ? [commandsLike(line), line] : complete(line)),
        }),
    })
    return signal.aborted ? exitCodes.cancelled : exitCodes.ok
  } catch (error) {
    if (signal.aborted) return exitCodes.cancelled
    if (!isCapsuleError(error)) throw error
    await screen.write('stderr', `capsule: ${error.message} (${error.code})\n`)
    return error.code === 'INVALID_OPTIONS' ? exitCodes.usage : exitCodes.crashed
  } finally {
    process.off('SIGTERM', onTerminate).off('SIGHUP', onTerminate)
  }
}

function commandsLike(line: string): string[] {
  return dotCommandNames().filter((name) => name.startsWith(line))
}
