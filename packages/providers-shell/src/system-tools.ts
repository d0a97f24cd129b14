import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Where the system's own programs are. Not PATH, which could name anything. */
const directories = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/run/current-system/sw/bin']

/** The absolute path of one of the system's programs. */
export function findSystemTool(name: string): string | undefined {
  return directories.map((directory) => join(directory, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface UserIds {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

export type Probe = { readonly isOk: true; readonly stdout: string } | { readonly isOk: false; readonly reason: string }

/** Runs a program of the system once, to see what it can do here. */
export function probe([file, ...args]: readonly [string, ...string[]], { uid, gid }: UserIds): Probe {
  const { status, error, stdout, stderr } = spawnSync(file, args, {
    cwd: '/',
    env: {},
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10_000,
    killSignal: 'SIGKILL',
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  })
  if (status === 0) return { isOk: true, stdout }
  return { isOk: false, reason: error?.message ?? (stderr.trim().split('\n').at(-1) || `it ended with ${status}`) }
}
