import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { ProcessTree, ProcessTrees, TreeCommand } from './process-tree.ts'
import { findSystemTool, probe, type UserIds } from './system-tools.ts'

interface NamespaceOptions extends UserIds {
  readonly mounts: 'host' | { readonly readOnly: readonly string[] }
  readonly network: boolean
}

/** unit: bytes, of the `/tmp` of a command with mounts of its own */
const temporaryBytes = 64 * 1024 * 1024
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
  const base = [bubblewrap, ...namespaceFlags(options)] as const
  const found = findInit(bubblewrap, [...base, ...mountFlags(options)], options)
  if ('reason' in found) return found
  return {
    kind: 'namespace',
    launch: (command) => ({
      argv: [
        ...base,
        '--json-status-fd',
        String(statusFd),
        ...mountFlags(options, command),
        '--',
        ...found.init,
        ...command.argv,
      ],
      env: {},
      moreStdio: ['pipe'],
    }),
    watch: watchNamespace,
  }
}

function namespaceFlags({ network }: NamespaceOptions): string[] {
  return [
    '--unshare-pid',
    '--as-pid-1',
    '--die-with-parent',
    // with the capabilities of root a command could uncover the host's /proc, and through it leave the namespace
    ...['--cap-drop', 'ALL'],
    ...(network ? [] : ['--unshare-net']),
  ]
}

function mountFlags({ mounts }: NamespaceOptions, command?: TreeCommand): string[] {
  if (mounts === 'host') return ['--dev-bind', '/', '/', '--proc', '/proc']
  return [
    ...mounts.readOnly.flatMap((path) => ['--ro-bind', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--size', String(temporaryBytes), '--tmpfs', '/tmp'],
    ...(command === undefined
      ? []
      : ['--ro-bind', command.realPath, command.argv[0], '--bind', command.writable, command.writable]),
    // else both take as much memory as a command writes to them
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
  ]
}

/**
 * The first process of the namespace: it starts the command, waits for it and ends with its exit code. bubblewrap's own
 * does not fit, as bubblewrap leaves before that one is gone, and the command itself does not, as the kernel hides
 * signals from a first process. GNU `timeout` without a timeout is one; a second bubblewrap is too, but slower (+1.4 ms), and some
 * systems (AppArmor of Ubuntu) refuse it.
 */
function findInit(
  bubblewrap: string,
  base: readonly [string, ...string[]],
  options: NamespaceOptions,
): { readonly init: readonly string[] } | { readonly reason: string } {
  const readlink = findTool('readlink')
  const timeout = findTool('timeout')
  if (readlink === undefined)
    return { reason: 'readlink (coreutils), to see whether namespaces work, is not installed' }
  const nested = [bubblewrap, ...nestedFlags, '--']
  const candidates = [...(timeout === undefined ? [] : [[timeout, '--foreground', '0']]), nested]
  let reason = ''
  for (const init of candidates) {
    const result = probe([...base, '--', ...init, readlink, '/proc/self'], options)
    // pid 1 would be the command itself: that is what the `timeout` of busybox does
    if (result.isOk && result.stdout.trim() !== '1') return { init }
    reason ||= result.isOk ? `${init[0]} does not stay as the first process` : result.reason
  }
  return { reason }
}

const nestedFlags = [
  ...['--unshare-user', '--unshare-pid', '--die-with-parent', '--cap-drop', 'ALL'],
  ...['--dev-bind', '/', '/', '--proc', '/proc'],
]

function watchNamespace(child: ChildProcess): ProcessTree {
  let status = ''
  let isWanted = false
  const killFirst = (): void => {
    const first = /"child-pid": (\d+)/.exec(status)?.[1]
    // bubblewrap has not waited for it yet, so the number is not another process's
    if (first !== undefined && isChildOf(Number(first), child.pid)) process.kill(Number(first), 'SIGKILL')
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
