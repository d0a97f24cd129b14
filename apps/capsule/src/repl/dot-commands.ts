import type { ExecuteOptions, Outcome, Session } from '@capsule/session'
import { executableText } from '../cells/cell.ts'
import { loadCells } from '../cells/load.ts'

/** What dot-commands may use of the REPL. */
export interface DotCommandScope {
  readonly session: Session
  say(text: string): void
  run(code: string, options?: ExecuteOptions): Promise<Outcome>
  /** A fresh session, and the count of cells from 1. */
  restart(): Promise<void>
}

interface DotCommand {
  readonly usage: string
  readonly description: string
  readonly run: (scope: DotCommandScope, argument: string) => Promise<void> | void
}

const commands: Readonly<Record<string, DotCommand>> = {
  help: { usage: '.help', description: 'this list', run: (scope) => scope.say(helpText()) },
  bindings: { usage: '.bindings', description: 'what the cells have declared', run: showBindings },
  info: { usage: '.info', description: 'the session and its worker', run: showInfo },
  load: { usage: '.load FILE', description: 'run the cells of a file', run: loadFile },
  restart: {
    usage: '.restart',
    description: 'a fresh worker; all bindings go',
    async run(scope) {
      await scope.restart()
      scope.say('A fresh session. The bindings of the one before are lost.')
    },
  },
  exit: { usage: '.exit', description: 'leave (also Ctrl-D)', run: () => {} },
}

/** Whether a line is for the REPL: a dot and a word (`.5` is a number). */
export function isDotCommand(line: string): boolean {
  return /^\.[a-z]+(\s|$)/i.test(line)
}

export function dotCommandNames(): string[] {
  return Object.keys(commands).map((name) => `.${name}`)
}

export async function runDotCommand(line: string, scope: DotCommandScope): Promise<'stay' | 'leave'> {
  const [, name = '', argument = ''] = /^\.(\S+)\s*(.*?)\s*$/.exec(line) ?? []
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    scope.say(`unknown command .${name}; .help lists them`)
    return 'stay'
  }
  try {
    await command.run(scope, argument)
  } catch (error) {
    scope.say(`.${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return name === 'exit' ? 'leave' : 'stay'
}

function helpText(): string {
  const lines = Object.values(commands).map(({ usage, description }) => `${usage.padEnd(12)}${description}`)
  return [
    ...lines,
    '',
    'Ctrl-C cancels the running cell and keeps the session. Tab completes. Unfinished code goes on in the next line.',
  ].join('\n')
}

async function showBindings(scope: DotCommandScope): Promise<void> {
  const bindings = await scope.session.bindings()
  if (bindings.length === 0) return scope.say('no bindings yet')
  const width = Math.max(...bindings.map(({ name }) => name.length))
  for (const { name, kind, type, preview } of bindings) {
    scope.say(`${kind.padEnd(9)}${name.padEnd(width)}  ${type}: ${preview}`)
  }
}

function showInfo(scope: DotCommandScope): void {
  const { sessionId, state, isolation, generation, worker, tainted, heartbeat, counters } = scope.session.info()
  scope.say(`session    ${sessionId} (${state}${tainted ? ', tainted by a hard cancel' : ''})`)
  scope.say(`isolation  ${isolation}`)
  if (worker !== undefined) {
    const executors = worker.executors.map(({ name }) => name).join(', ')
    scope.say(`worker     pid ${worker.pid}, number ${generation}, Node ${worker.nodeVersion}, executors ${executors}`)
  }
  if (heartbeat !== undefined) scope.say(`memory     ${Math.round(heartbeat.rssBytes / 2 ** 20)} MB`)
  scope.say(`cells      ${counters.executions} run, ${counters.restarts} restarts`)
}

async function loadFile(scope: DotCommandScope, file: string): Promise<void> {
  if (file === '' || file === '-') return scope.say('usage: .load FILE')
  for (const cell of await loadCells([file], { stdin: process.stdin })) {
    const { kind, source, filename, language } = cell
    if (kind === 'text') scope.say(source)
    else if ((await scope.run(executableText(cell), { filename, language })).status !== 'ok') return
  }
}
