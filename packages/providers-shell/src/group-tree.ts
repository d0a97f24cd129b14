import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { killProcess } from './kill-process.ts'
import type { ProcessTree, ProcessTrees } from './process-tree.ts'
import { findSystemTool, probe, type UserIds } from './system-tools.ts'

/** In the environment of commands, so that what has left the process group is found again. */
const markName = 'CAPSULE_SHELL_CALL'

/**
 * A process group per command, which is killed, and what is found in /proc with the command's mark in its environment. A
 * process that left the group and changed its environment stays; so does one that forks faster than it is found.
 */
export function createGroupTrees(options: UserIds): ProcessTrees {
  const guard = findGuard(options)
  return {
    kind: 'group',
    launch: ({ argv }) => ({
      argv: [...guard, ...argv] as unknown as readonly [string, ...string[]],
      env: process.platform === 'linux' ? { [markName]: randomUUID() } : {},
      moreStdio: [],
    }),
    watch: (child, { env }) => watchGroup(child, env[markName]),
  }
}

/** Lets the command (not what it starts) die with the host, and gives set-user-id programs no more rights. */
function findGuard(ids: UserIds): readonly string[] {
  const [setpriv, readlink] = [findSystemTool('setpriv'), findSystemTool('readlink')]
  if (process.platform !== 'linux' || setpriv === undefined || readlink === undefined) return []
  const guard = [setpriv, '--pdeathsig', 'KILL', '--no-new-privs', '--'] as const
  return probe([...guard, readlink, '/proc/self'], ids).isOk ? guard : []
}

function watchGroup(child: ChildProcess, mark: string | undefined): ProcessTree {
  return {
    isSealed: false,
    kill() {
      if (child.pid === undefined) return
      killProcess(-child.pid)
      if (mark !== undefined) killMarked(`${markName}=${mark}`)
    },
    // the system tells it by an event
    startProblem: () => undefined,
  }
}

/** Until no new one is seen: one may have forked while the others were looked at. */
function killMarked(mark: string): void {
  const killed = new Set<number>()
  for (let sizeBefore = -1; killed.size > sizeBefore;) {
    sizeBefore = killed.size
    for (const pid of readdirSync('/proc').map(Number)) {
      if (!(pid > 0) || killed.has(pid) || !hasMark(pid, mark)) continue
      killProcess(pid)
      killed.add(pid)
    }
  }
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)
  } catch {
    // gone, or not ours
    return false
  }
}
