import type { ChildProcess, StdioOptions } from 'node:child_process'
import { shellErrors } from './errors.ts'
import { createGroupTrees } from './group-tree.ts'
import { createNamespaceTrees } from './namespace-tree.ts'
import type { ResolvedShellOptions } from './shell-options.ts'

/** How commands are started so that all of what they start can be ended. */
export interface ProcessTrees {
  readonly kind: 'namespace' | 'group'
  /** What to start for it. */
  launch(command: TreeCommand): TreeLaunch
  /** Of a child that was started so. */
  watch(child: ChildProcess, launch: TreeLaunch): ProcessTree
}

export interface TreeCommand {
  readonly argv: readonly [string, ...string[]]
  /** Where the program really is. */
  readonly realPath: string
  /** Where it works, and what of the host it may write to. */
  readonly cwd: string
  readonly writable: string
}

export interface TreeLaunch {
  readonly argv: readonly [string, ...string[]]
  /** What it adds to the environment of the command. */
  readonly env: Readonly<Record<string, string>>
  /** From fd 3 on. */
  readonly moreStdio: Extract<StdioOptions, readonly unknown[]>
}

export interface ProcessTree {
  /** True when nobody can hold a pipe of the child once it is gone. */
  readonly isSealed: boolean
  /** Ends all of it, now. Also called when the main process is gone, for what it has left. */
  kill(): void
  /** Once the child and its pipes are gone: why the command was never started, if so. */
  startProblem(): string | undefined
}

/** @throws SHELL_TREE_KILL_UNAVAILABLE */
export function createProcessTrees(options: ResolvedShellOptions): ProcessTrees {
  const { treeKill, mounts, network } = options
  const needs = [
    ...(treeKill === 'namespace' ? ["treeKill: 'namespace'"] : []),
    ...(mounts === 'host' ? [] : ['mounts']),
    ...(network ? [] : ['network: false']),
  ]
  const unavailable = (reason: string): never => {
    throw shellErrors.SHELL_TREE_KILL_UNAVAILABLE({ wanted: needs[0] ?? `treeKill: '${treeKill}'`, reason })
  }
  if (process.platform === 'win32') return unavailable('Windows has no process groups')
  if (treeKill === 'group')
    return needs.length > 0 ? unavailable("it needs treeKill: 'namespace'") : createGroupTrees(options)
  const namespace = createNamespaceTrees(options)
  if (!('reason' in namespace)) return namespace
  return needs.length > 0 ? unavailable(namespace.reason) : createGroupTrees(options)
}
