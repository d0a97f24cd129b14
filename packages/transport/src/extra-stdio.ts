import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { Socket } from 'node:net'

/**
 * What a child finds as one more descriptor. `bytes`: to be read to their end. `null`: an open /dev/null, in the place of
 * one of this process that the child would inherit. `none`: nothing is done, so what this process has there without
 * CLOEXEC is inherited.
 */
export type ExtraStdio =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'null' }
  | { readonly type: 'none' }

/** Like `spawn`, with more descriptors behind those of `options.stdio`. @throws what `spawn` and `open` throw */
export function spawnWithExtraStdio(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  extra: readonly ExtraStdio[],
): ChildProcess {
  if (extra.length === 0) return spawn(command, args, options)
  const stdio = options.stdio as ('pipe' | 'ignore' | number)[]
  const nullFd = extra.some(({ type }) => type === 'null') ? openSync(devNull, 'r+') : undefined
  try {
    // 'ignore' opens /dev/null for the first three descriptors only, and leaves all others as they are
    const slots = extra.map(({ type }) => (type === 'bytes' ? 'pipe' : type === 'null' ? nullFd : 'ignore'))
    const child = spawn(command, args, { ...options, stdio: [...stdio, ...slots] })
    for (const [index, entry] of extra.entries()) {
      if (entry.type === 'bytes') feed(child.stdio[stdio.length + index] as Socket | null | undefined, entry.bytes)
    }
    return child
  } finally {
    if (nullFd !== undefined) closeSync(nullFd)
  }
}

/** Writes what the child is to read, and closes this side: the system keeps it for the reader. */
function feed(stream: Socket | null | undefined, bytes: Uint8Array): void {
  // a child that ends before it has read all of it is reported by its exit
  stream?.on('error', () => {})
  stream?.end(bytes, () => stream.destroy())
}
