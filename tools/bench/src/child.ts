import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export const childFile = (name: string): string => `${import.meta.dirname}/children/${name}`

/** A plain Node child with the worker's stdio: fd 3 in, fd 4 out. */
export interface Child extends AsyncDisposable {
  readonly process: ChildProcess
  readonly pid: number
  readonly input: Writable
  readonly output: Readable
}

/** Runs a file of `children/`, or one given by its absolute path. */
export function startChild(name: string, args: readonly string[] = []): Child {
  const child = spawn(process.execPath, [isAbsolute(name) ? name : childFile(name), ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    env: {},
  })
  const input = child.stdio[3] as Writable
  const output = child.stdio[4] as Readable
  for (const stream of [input, output]) stream.on('error', () => undefined)
  const exited = once(child, 'exit')
  return {
    process: child,
    pid: child.pid!,
    input,
    output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** CPU time that a process's live threads have used (Linux). */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e6
}

/** Memory that only this process holds, and all that it holds, in MB (Linux). */
export function memoryMb(pid: number): { uniqueMb: number; residentMb: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const read = (field: string): number => Number(new RegExp(`^${field}: *(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024
  return { uniqueMb: read('Private_Clean') + read('Private_Dirty'), residentMb: read('Rss') }
}
