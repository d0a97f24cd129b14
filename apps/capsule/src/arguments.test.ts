import { describe, expect, it } from 'vitest'
import { parseArguments } from './arguments.ts'

const run = { name: 'run', files: ['a.ts'], session: {}, json: false, keepGoing: false, quiet: false }

describe('parseArguments', () => {
  it.each([
    [[], { name: 'repl', session: {} }],
    [['repl', '--executor', 'async'], { name: 'repl', session: { executor: 'async' } }],
    [['--timeout', '5'], { name: 'repl', session: { timeoutMs: 5 } }],
    [['run', 'a.ts'], run],
    [['--', 'run', 'a.ts'], run],
    [['run', 'a.ts', '--json', '--keep-going', '-q'], { ...run, json: true, keepGoing: true, quiet: true }],
    [['run', '--cwd', 'x', 'a.ts', '-'], { ...run, files: ['a.ts', '-'], session: { cwd: 'x' } }],
    [
      ['run', 'a.ts', '--timeout=100', '--isolation=process'],
      { ...run, session: { timeoutMs: 100, isolation: 'process' } },
    ],
    [['run', '--', '--json'], { ...run, files: ['--json'] }],
    [['example'], { name: 'example' }],
    [['example', 'hello'], { name: 'example', example: 'hello' }],
    [['help'], { name: 'help' }],
    [['run', '--help'], { name: 'help' }],
    [['--version'], { name: 'version' }],
  ])('reads %j', (argv, command) => {
    expect(parseArguments(argv)).toEqual(command)
  })

  it.each([
    [[], 100],
    [['--capacity', '300'], 300],
    [['--capacity', '300', '--sessions', '400'], 400],
  ])('keeps a session for each execution of worker-host %j', (args, sessions) => {
    expect(parseArguments(['worker-host', ...args])).toMatchObject({ sessions })
  })

  it.each([
    [['run'], 'at least one FILE'],
    [['run', '-', '-'], 'once'],
    [['run', 'a.ts', '--jsno'], "'--jsno'"],
    [['run', 'a.ts', '--timeout', 'soon'], "--timeout is a whole number of milliseconds, not 'soon'"],
    [['run', 'a.ts', '--timeout', '0'], '--timeout'],
    [['run', 'a.ts', '--executor', 'fast'], '--executor is one of threaded, async'],
    [['run', 'a.ts', '--isolation', 'vm'], '--isolation is one of'],
    [['--wat'], "'--wat'"],
    [['rnu', 'a.ts'], "unknown command 'rnu'"],
    [['example', 'a', 'b'], 'one NAME'],
    [['worker-host', '--capacity', '0'], '--capacity'],
    [['worker-host', '--capacity', '5', '--sessions', '4'], '--sessions 4 is less than the capacity, 5'],
  ])('refuses %j and says why', (argv, message) => {
    expect(parseArguments(argv)).toEqual({ name: 'usage-error', message: expect.stringContaining(message) })
  })
})
