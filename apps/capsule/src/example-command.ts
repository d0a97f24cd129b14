import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { exitCodes } from './exit-codes.ts'

const folder = join(import.meta.dirname, '../examples')
// a file of cells, not a program
const tour = 'tour'

/** `capsule example [NAME]`: lists the host programs, or runs one in its own Node. */
export async function exampleCommand(name: string | undefined): Promise<number> {
  const names = await exampleNames()
  if (name === undefined) {
    for (const each of names) process.stdout.write(`${each.padEnd(16)}${await descriptionOf(each)}\n`)
    process.stdout.write('\nRun one:  capsule example NAME\nThe tour: capsule run apps/capsule/examples/tour.ts\n')
    return exitCodes.ok
  }
  if (!names.includes(name)) {
    const hint =
      name === tour
        ? 'it is a file of cells: capsule run apps/capsule/examples/tour.ts'
        : `there are ${names.join(', ')}`
    process.stderr.write(`capsule: no example program '${name}': ${hint}\n`)
    return exitCodes.usage
  }
  return runProgram(join(folder, `${name}.ts`))
}

async function exampleNames(): Promise<string[]> {
  const files = await readdir(folder)
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'))
    .filter((name) => name !== tour)
    .sort()
}

/** The first line of the program's doc comment. */
async function descriptionOf(name: string): Promise<string> {
  const source = await readFile(join(folder, `${name}.ts`), 'utf8')
  return /^\/\*\*\s*\*?\s*(.+?)\s*(?:\*\/)?$/m.exec(source)?.[1] ?? ''
}

async function runProgram(file: string): Promise<number> {
  const child = spawn(process.execPath, ['--conditions=@capsule/source', file], { stdio: 'inherit' })
  // the terminal sends Ctrl-C to the child too, and the child decides what it means
  const onInterrupt = (): void => {}
  const onTerminate = (): void => void child.kill('SIGTERM')
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  if (signal !== null) process.stderr.write(`capsule: the example was ended by ${signal}\n`)
  return code ?? exitCodes.crashed
}
