import type { StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { type Clock, coreErrors } from '@capsule/core'
import { type AllowedCommands, openAllowedCommands } from './allowed-commands.ts'
import type { CommandProcess } from './command-process.ts'
import { findInheritedFds } from './inherited-fds.ts'
import { limitPrefix } from './process-limits.ts'
import { createProcessTrees, type ProcessTrees } from './process-tree.ts'
import { realDirectory } from './real-path.ts'
import type { ResolvedShellOptions } from './shell-options.ts'
import { createSlots, type Slots } from './slots.ts'

type Stdio = Extract<StdioOptions, readonly unknown[]>

/** What all calls of one provider share. */
export interface ShellHost {
  readonly commands: AllowedCommands
  readonly trees: ProcessTrees
  readonly slots: Slots
  /** Stands before each command. */
  readonly prefix: readonly string[]
  /** Without links. */
  readonly root: string | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly clock: Clock
  readonly running: Set<CommandProcess>
  /** Aborts when the provider is disposed. */
  readonly disposal: AbortSignal
  /** That, and nothing at what the host itself inherited. */
  stdioOf(stdio: Stdio): Stdio
  /** Ends all commands and resolves when they are gone. */
  dispose(): Promise<void>
}

/** @throws INVALID_OPTIONS, SHELL_TREE_KILL_UNAVAILABLE, SHELL_LIMIT_UNAVAILABLE */
export function createShellHost(options: ResolvedShellOptions): ShellHost {
  const { uid, gid, clock, maxConcurrent } = options
  const problems: string[] = []
  const commands = openAllowedCommands(options.commands, (problem) => problems.push(problem))
  const root = rootOf(options, problems)
  if (!mayBecome(uid, process.getuid?.()) || !mayBecome(gid, process.getgid?.())) {
    problems.push('uid and gid: only root can run commands as another user')
  }
  if (problems.length > 0) throw coreErrors.INVALID_OPTIONS({ where: 'shell()', problems })
  const prefix = limitPrefix(options)
  const trees = createProcessTrees(options)
  const running = new Set<CommandProcess>()
  const disposal = new AbortController()
  const nothing = createNothing()
  return {
    commands,
    trees,
    prefix,
    root,
    uid,
    gid,
    clock,
    running,
    slots: createSlots(maxConcurrent),
    disposal: disposal.signal,
    stdioOf: (stdio) => nothing.over(stdio),
    async dispose() {
      disposal.abort(coreErrors.CANCELLED({ what: 'the provider shell' }))
      await Promise.allSettled([...running].map(({ ended }) => ended))
      nothing.close()
    },
  }
}

function rootOf({ root }: ResolvedShellOptions, problems: string[]): string | undefined {
  try {
    return root === undefined ? undefined : realDirectory(root)
  } catch (error) {
    problems.push(`root: ${(error as Error).message}`)
    return undefined
  }
}

const mayBecome = (wanted: number | undefined, own: number | undefined): boolean =>
  wanted === undefined || wanted === own || process.getuid?.() === 0

/**
 * An open /dev/null for the descriptors that children would inherit. 'ignore' would not do: from fd 3 on it means that
 * they stay.
 */
function createNothing(): { over(stdio: Stdio): Stdio; close(): void } {
  const inherited = findInheritedFds()
  let fd = inherited.length > 0 ? openSync(devNull, 'r+') : undefined
  return {
    over(stdio) {
      const all: Stdio[number][] = [...stdio]
      for (const at of inherited) {
        while (all.length < at) all.push('ignore')
        if (at >= stdio.length) all[at] = fd
      }
      return all
    },
    close() {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
