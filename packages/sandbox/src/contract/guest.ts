/**
 * The program that the contract runs in the place of a worker. It prints one line of JSON, then does what its first
 * argument says.
 */
export const guestProgram = `'use strict'
const fs = require('node:fs')
const attempt = (act) => {
  try {
    return { value: act() ?? null }
  } catch (error) {
    return { refused: error.code ?? error.message }
  }
}
const told = {
  pid: process.pid,
  uid: process.getuid?.(),
  env: { ...process.env },
  argv: process.argv.slice(2),
  execArgv: process.execArgv,
  cwdEntries: attempt(() => fs.readdirSync('.')),
  ownFile: attempt(() => fs.readFileSync(__filename, 'utf8').length > 0),
  foreignFile: attempt(() => fs.readFileSync('/etc/passwd').length > 0),
  written: attempt(() => fs.writeFileSync('note', 'x')),
  child: attempt(() => {
    const { error } = require('node:child_process').spawnSync(process.execPath, ['-v'])
    if (error) throw error
  }),
  thread: attempt(() => void new (require('node:worker_threads').Worker)('', { eval: true, execArgv: [] })),
  sqlite: attempt(() => typeof require('node:sqlite').DatabaseSync),
  evaluated: attempt(() => new Function('return (0, eval)("1 + 1")')()),
  heapLimitMb: require('node:v8').getHeapStatistics().heap_size_limit / 1024 / 1024,
}
const say = (value) => fs.writeSync(1, JSON.stringify(value) + '\\n')
const acts = {
  tell: () => say(told),
  wait: () => {
    say(told)
    setInterval(() => {}, 1e6)
  },
  loop: () => {
    say(told)
    for (;;);
  },
  connect: () => {
    const [host, port] = process.argv[3].split(' ')
    const socket = require('node:net').connect(Number(port), host)
    socket.on('connect', () => { say({ connected: true }); socket.destroy() })
    socket.on('error', (error) => say({ refused: error.code }))
  },
}
acts[process.argv[2]]()
`

/** A thing that was tried: what it gave, or the code of the error. */
export interface Attempt {
  readonly value?: unknown
  readonly refused?: string
}

export interface GuestFacts {
  readonly pid: number
  readonly uid: number | undefined
  readonly env: Readonly<Record<string, string>>
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly cwdEntries: Attempt
  readonly ownFile: Attempt
  readonly foreignFile: Attempt
  readonly written: Attempt
  readonly child: Attempt
  readonly thread: Attempt
  readonly sqlite: Attempt
  readonly evaluated: Attempt
  readonly heapLimitMb: number
}
