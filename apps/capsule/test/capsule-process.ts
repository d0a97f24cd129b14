import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const examples = join(import.meta.dirname, '../examples')
export const tour = join(examples, 'tour.ts')

const main = join(import.meta.dirname, '../src/main.ts')
const nodeArguments = ['--conditions=@capsule/source', main]
const scriptCommand = '/usr/bin/script'
const defaultDeadlineMs = 10_000

/** Where a pseudo-terminal comes from (util-linux); without it the tests that need one are skipped, and say so. */
export const hasPseudoTerminal = process.platform === 'linux' && existsSync(scriptCommand)

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command in its own process, with its own home and nothing of this environment. */
export class CapsuleProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly home = mkdtempSync(join(tmpdir(), 'capsule-home-'))
  readonly #output = { stdout: '', stderr: '' }
  readonly #ended: Promise<unknown>
  readonly #deadlineMs: number
  #read = 0

  constructor(args: readonly string[], options: CapsuleProcessOptions = {}) {
    const { terminal = false, env = {}, cwd = examples, deadlineMs = defaultDeadlineMs } = options
    this.#deadlineMs = deadlineMs
    const [command, commandArguments] = terminal
      ? [scriptCommand, ['-qec', [process.execPath, ...nodeArguments, ...args].map(quoted).join(' '), '/dev/null']]
      : [process.execPath, [...nodeArguments, ...args]]
    // the marker lets the run find processes that a test left behind
    const marker = process.env['CAPSULE_TEST_RUN']
    const environment = { PATH: process.env['PATH'], HOME: this.home, TERM: 'xterm', CAPSULE_TEST_RUN: marker, ...env }
    this.child = spawn(command, commandArguments, { cwd, env: environment })
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => (this.#output[name] += text))
    }
    // a command that ended does not read what a test still writes
    this.child.stdin?.on('error', () => {})
    this.#ended = once(this.child, 'close')
  }

  type(text: string): void {
    this.child.stdin?.write(text)
  }

  /** Resolves when the text stands in standard output, behind what was waited for before. */
  async sees(text: string): Promise<void> {
    const find = (): boolean => {
      const at = this.#output.stdout.indexOf(text, this.#read)
      if (at !== -1) this.#read = at + text.length
      return at !== -1
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onData = (): void => {
      if (find()) resolve()
    }
    const fail = (why: string) => (): void =>
      reject(new Error(`no ${JSON.stringify(text)}: ${why}\n${this.#transcript()}`))
    const timer = setTimeout(fail(`waited ${this.#deadlineMs} ms`), this.#deadlineMs)
    const onClose = fail('the command ended')
    this.child.stdout?.on('data', onData)
    this.child.once('close', onClose)
    onData()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.child.off('close', onClose).stdout?.off('data', onData)
    }
  }

  /** Ends standard input with this text and waits for the command to end. */
  async end(text = ''): Promise<Ended> {
    this.child.stdin?.end(text)
    return this.ended()
  }

  async ended(): Promise<Ended> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new Error(`still running after ${this.#deadlineMs} ms\n${this.#transcript()}`)),
      this.#deadlineMs,
    )
    try {
      await Promise.race([this.#ended, late])
    } finally {
      clearTimeout(timer)
    }
    return { code: this.child.exitCode, signal: this.child.signalCode, ...this.#output }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.#ended
    rmSync(this.home, { recursive: true, force: true })
  }

  #transcript(): string {
    return `stdout: ${JSON.stringify(this.#output.stdout)}\nstderr: ${JSON.stringify(this.#output.stderr)}`
  }
}

export interface CapsuleProcessOptions {
  readonly terminal?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** For each wait. @defaultValue 10_000 */
  readonly deadlineMs?: number
}

/** Runs the command over this standard input to its end. */
export async function capsule(args: readonly string[], stdin = '', options?: CapsuleProcessOptions): Promise<Ended> {
  await using running = new CapsuleProcess(args, options)
  // disposal comes after the end, not before
  return await running.end(stdin)
}

function quoted(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`
}
