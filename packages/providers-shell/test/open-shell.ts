import { spawnSync } from 'node:child_process'
import { type CapabilityContext, type CapabilityReply, isCapabilityReply, silentLogger } from '@capsule/core'
import { shell, type ShellEvent, type ShellOptions } from '@capsule/providers-shell'
import { onTestFinished } from 'vitest'
import * as z from 'zod'

/** For commands whose arguments are not what the test is about. */
export const anyArguments = z.array(z.string())

const problem = problemOf({ treeKill: 'namespace' })
if (problem !== undefined) {
  // a machine that can must not skip what the tests are for
  const flags = ['--unshare-pid', '--dev-bind', '/', '/', '--proc', '/proc', '/bin/true']
  if (spawnSync('/usr/bin/bwrap', flags, { env: {} }).status === 0) throw new Error(problem)
  console.warn(`SKIPPED: tests of commands in namespaces, as ${problem}`)
}
export const hasNamespaces = problem === undefined
export const treeKills = [
  { treeKill: 'namespace', isHere: hasNamespaces },
  { treeKill: 'group', isHere: process.platform !== 'win32' },
] as const

function problemOf(options: Partial<ShellOptions>): string | undefined {
  try {
    shell({ commands: { node: { path: process.execPath } }, ...options })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

export interface RunResult {
  readonly exitCode: number
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly truncated?: true
}

export interface OpenShell {
  readonly run: (input: object, context?: Partial<CapabilityContext>) => Promise<RunResult>
  readonly start: (input: object, context?: Partial<CapabilityContext>) => Promise<AsyncIterableIterator<ShellEvent>>
  readonly dispose: () => Promise<void>
  readonly facts: Readonly<Record<string, unknown>>[]
}

/** A provider for one test, called as a broker does: checked input, handler, checked output. */
export function openShell(options: ShellOptions): OpenShell {
  const provider = shell(options)
  const dispose = async (): Promise<void> => provider[Symbol.asyncDispose]()
  onTestFinished(dispose)
  const facts: Readonly<Record<string, unknown>>[] = []
  const invoke = async (name: string, input: object, context: Partial<CapabilityContext>): Promise<unknown> => {
    const capability = provider.capabilities[name]!
    const checked = capability.checkInput(input)
    if (!checked.isValid) throw new TypeError(checked.problems.join('; '))
    const output = await capability.invoke(checked.value, {
      capability: `shell.${name}`,
      sessionId: 'session',
      executionId: 'execution',
      callId: 'call',
      signal: new AbortController().signal,
      limits: capability.limits,
      logger: silentLogger,
      secrets: {},
      annotate: (fact) => facts.push(fact),
      ...context,
    })
    const value = capability.checkOutput(isCapabilityReply(output) ? output.value : output)
    if (!value.isValid) throw new TypeError(value.problems.join('; '))
    return output
  }
  return {
    facts,
    dispose,
    run: async (input, context = {}) => (await invoke('run', input, context)) as RunResult,
    start: async (input, context = {}) => {
      const reply = (await invoke('start', input, context)) as CapabilityReply
      return reply.body[Symbol.asyncIterator]() as AsyncIterableIterator<ShellEvent>
    },
  }
}
