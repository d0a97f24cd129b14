import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { Writable } from 'node:stream'
import type { LaunchStdio, PreparedLaunch } from './isolation-driver.ts'

export type Launch = Pick<PreparedLaunch, 'command' | 'args' | 'env' | 'cwd' | 'uid' | 'gid' | 'extraStdio'>

/** fd 3 and 4 carry the protocol of a worker. */
const firstExtraFd = 5

/** Starts what a driver prepared, for a trial or a test; a session's transport does the same with the protocol on top. */
export function startLaunch(
  { command, args, env, cwd, uid, gid, extraStdio }: Launch,
  timeoutMs?: number,
): ChildProcess {
  const nullFd = openSync(devNull, 'r+')
  try {
    const slots = extraStdio.map((entry) => slotOf(entry, nullFd))
    const child = spawn(command, args, {
      cwd,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...slots],
      killSignal: 'SIGKILL',
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    })
    for (const [index, entry] of extraStdio.entries()) {
      if (entry.type === 'bytes') feed(child.stdio[firstExtraFd + index] as Writable | null | undefined, entry.bytes)
    }
    return child
  } finally {
    closeSync(nullFd)
  }
}

function slotOf({ type }: LaunchStdio, nullFd: number): 'pipe' | 'ignore' | number {
  if (type === 'bytes') return 'pipe'
  return type === 'null' ? nullFd : 'ignore'
}

function feed(stream: Writable | null | undefined, bytes: Uint8Array): void {
  // a child that ends before it has read them is told of by its exit
  stream?.on('error', () => {})
  stream?.end(bytes, () => stream.destroy())
}
