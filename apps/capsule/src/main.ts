#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { type Command, parseArguments } from './arguments.ts'
import { exitCodes } from './exit-codes.ts'
import { help, noTerminal } from './help.ts'

// commands are loaded when they are wanted: `help` and mistakes answer at once
async function main(command: Command): Promise<number> {
  switch (command.name) {
    case 'run':
      return (await import('./run/run-command.ts')).runCommand(command)
    case 'repl':
      if (!process.stdin.isTTY || !process.stdout.isTTY) {
        process.stderr.write(noTerminal)
        return exitCodes.usage
      }
      return (await import('./repl/repl-command.ts')).replCommand(command.session)
    case 'worker-host':
      return (await import('./worker-host/worker-host-command.ts')).workerHostCommand(command)
    case 'example':
      return (await import('./example-command.ts')).exampleCommand(command.example)
    case 'help':
      process.stdout.write(help)
      return exitCodes.ok
    case 'version':
      process.stdout.write(`capsule ${version()}\n`)
      return exitCodes.ok
    case 'usage-error':
      process.stderr.write(`capsule: ${command.message}\nSee: capsule help\n`)
      return exitCodes.usage
  }
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

// who reads this has had enough (`| head`): no failure, and nothing more to say; `run` has its own way of ending
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)))
} catch (error) {
  // a mistake of this program must not pass for one of a cell, which is exit code 1
  console.error(error)
  process.exitCode = exitCodes.crashed
}
