import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { killProcess } from './kill-process.ts'
import { type Mounts, mountFlags } from './namespace-mounts.ts'
import type { ProcessTree, ProcessTrees } from './process-tree.ts'
import { findSystemTool, probe, type UserIds } from './system-tools.ts'

interface NamespaceOptions extends UserIds {
  readonly mounts: Mounts
  readonly network: boolean
}

const statusFd = 3

/**
 * A pid namespace per command: when its first process ends, the kernel ends all others, whatever they did to hide, before
 * that process can be waited for. So once bubblewrap, which waits for it, is gone, they all are; and bubblewrap dies with us.
 */
export function createNamespaceTrees(
  options: NamespaceOptions,
  findTool: typeof findSystemTool = findSystemTool,
): ProcessTrees | { readonly reason: string } {
  const bubblewrap = findTool('bwrap')
  if (process.platform !== 'linux') return { reason: `${process.platform} has no namespaces` }
  if (bubblewrap === undefined) return { reason: 'bubblewrap (bwrap) is not installed' }
  const readlink = findTool('readlink')
  if (readlink === undefined) return { reason: 'readlink of coreutils, to try namespaces with, is not installed' }
  let reason = ''
  for (const init of initsOf(bubblewrap, findTool('timeout'), options)) {
    const flags = [bubblewrap, ...namespaceFlags(options), ...init.flags] as const
    const result = probe([...flags, ...mountFlags(options.mounts), '--', ...init.argv, readlink, '/proc/self'], options)
    // pid 1 would be the command itself: that is what the `timeout` of busybox makes of it
    if (result.isOk && result.stdout.trim() !== '1') return createTrees(options.mounts, flags, init.argv)
    reason ||= result.isOk ? 'the system has no program that can be the first process' : result.reason
  }
  return { reason }
}

function createTrees(mounts: Mounts, flags: readonly [string, ...string[]], init: readonly string[]): ProcessTrees {
  const base = [...flags, '--json-status-fd', String(statusFd)] as const
  return {
    kind: 'namespace',
    launch: (command) => ({
      argv: [...base, ...mountFlags(mounts, command), '--', ...init, ...command.argv],
      env: {},
      moreStdio: ['pipe'],
    }),
    watch: watchNamespace,
  }
}

const namespaceFlags = ({ network }: NamespaceOptions): string[] => [
  '--unshare-pid',
  '--as-pid-1',
  '--die-with-parent',
  ...(network ? [] : ['--unshare-net']),
]

interface Init {
  readonly flags: readonly string[]
  /** Stands before the command. */
  readonly argv: readonly string[]
}

/** With the capabilities of root a command could uncover the host's /proc, and through it leave the namespace. */
const noCapabilities = ['--cap-drop', 'ALL']

/**
 * What can be the first process of a namespace, the best first: it starts the command, waits for it and ends with its exit
 * code. bubblewrap's own cannot, as bubblewrap leaves before that one is gone; nor can the command, as the kernel keeps
 * signals from a first process. GNU `timeout` without a timeout can. A second bubblewrap can, but takes longer, and
 * some systems (AppArmor of Ubuntu) refuse it.
 */
function initsOf(bubblewrap: string, timeout: string | undefined, { uid }: UserIds): readonly Init[] {
  const isRoot = (uid ?? process.getuid?.()) === 0
  const nested = ['--unshare-pid', '--die-with-parent', '--dev-bind', '/', '/', '--proc', '/proc', ...noCapabilities]
  return [
    ...(timeout === undefined ? [] : [{ flags: noCapabilities, argv: [timeout, '--foreground', '0'] }]),
    // root needs its capabilities for the second one; who is not root gets them in a user namespace
    {
      flags: isRoot ? [] : noCapabilities,
      argv: [bubblewrap, ...(isRoot ? [] : ['--unshare-user']), ...nested, '--'],
    },
  ]
}

function watchNamespace(child: ChildProcess): ProcessTree {
  let status = ''
  let isWanted = false
  const killFirst = (): void => {
    const first = /"child-pid": (\d+)\D/.exec(status)?.[1]
    // bubblewrap has not waited for it yet, so the number is not another process's
    if (first !== undefined && isChildOf(Number(first), child.pid)) killProcess(Number(first))
  }
  const reader = child.stdio[statusFd] as Readable | null | undefined
  reader?.setEncoding('utf8').on('data', (text: string) => {
    status += text
    if (isWanted) killFirst()
  })
  // the exit tells
  reader?.on('error', () => undefined)
  return {
    isSealed: true,
    kill() {
      isWanted = true
      // not bubblewrap: then nobody would wait for the namespace to be gone
      if (child.exitCode === null && child.signalCode === null) killFirst()
    },
    // bubblewrap tells an exit code only of what it could start
    startProblem: () =>
      child.exitCode === null || status.includes('"exit-code"')
        ? undefined
        : 'bubblewrap could not set up its namespace',
  }
}

function isChildOf(pid: number, parent: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // the name in brackets may hold blanks and brackets: fields count from the last one
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
  } catch {
    return false
  }
}
