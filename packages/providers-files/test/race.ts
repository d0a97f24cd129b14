import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { readdir, readFile, realpath, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { waitForEvent } from '@capsule/testing'
import { secret, type Tree } from './tree.ts'

/** What is tried against a tree in which `dir` and `dir/file` are swapped for links all the time. Paths are in the root. */
export interface Contender {
  readonly read: (path: string) => Promise<string> | string
  readonly write: (path: string, text: string) => unknown
  readonly list: (path: string) => Promise<readonly string[]> | readonly string[]
  readonly remove: (path: string) => unknown
  /** Removes a directory and what is in it. */
  readonly removeTree: (path: string) => unknown
}

export type Operation = keyof Contender

export interface RaceResult {
  readonly swaps: number
  readonly rounds: number
  /** Calls that ended without an error: else nothing was tried. */
  readonly succeeded: Record<Operation, number>
  readonly escapes: Record<Operation, number>
}

export interface RaceOptions {
  readonly maxRounds: number
  /** In real time: a race on a slow machine ends too. */
  readonly deadlineMs: number
  /** Rounds at once: waiting for the thread pool is time in which nothing is tried. @defaultValue 1 */
  readonly concurrent?: number
  /** A race goes on beyond its deadline until this holds, for `graceMs` at most: a busy machine tries little. */
  isTried?(result: RaceResult): boolean
  /** Ends the race early. */
  isEnough?(result: RaceResult): boolean
}

const inside = 'inside'
const graceMs = 30_000

const createResult = (): MutableResult => {
  const zero = (): Record<Operation, number> => ({ read: 0, write: 0, list: 0, remove: 0, removeTree: 0 })
  return { swaps: 0, rounds: 0, succeeded: zero(), escapes: zero() }
}
type MutableResult = { -readonly [Field in keyof RaceResult]: RaceResult[Field] }

const swappedIn = ({ root }: Tree): readonly (readonly [name: string, other: string, free: string])[] => [
  [join(root, 'dir'), join(root, 'other-dir'), join(root, 'free-dir')],
  [join(root, 'files/file'), join(root, 'other-file'), join(root, 'free-file')],
]

/** Runs a contender against a thread that swaps. The thread is gone when this settles. */
export async function race(tree: Tree, contender: Contender, options: RaceOptions): Promise<RaceResult> {
  prepare(tree)
  const stop = new Int32Array(new SharedArrayBuffer(8))
  const workerData = { pairs: swappedIn(tree), stop }
  const worker = new Worker(new URL('./fixtures/swapper.mjs', import.meta.url), { workerData })
  const result = createResult()
  try {
    await waitForEvent(worker, 'online')
    const endMs = performance.now() + options.deadlineMs
    const isOver = (): boolean => {
      if (result.rounds >= options.maxRounds || options.isEnough?.(result) === true) return true
      const lateMs = performance.now() - endMs
      return lateMs >= graceMs || (lateMs >= 0 && options.isTried?.(result) !== false)
    }
    const runRounds = async (): Promise<void> => {
      while (!isOver()) await runRound(tree, contender, result)
    }
    await Promise.all(Array.from({ length: options.concurrent ?? 1 }, runRounds))
    result.swaps = Atomics.load(stop, 1)
    return result
  } finally {
    Atomics.store(stop, 0, 1)
    await waitForEvent(worker, 'exit')
  }
}

/** One round in which the contender itself says when something is swapped. */
export async function raceOnce(tree: Tree, createContender: (swap: () => void) => Contender): Promise<RaceResult> {
  prepare(tree)
  const result = createResult()
  const swap = (): void => {
    for (const [name, other, free] of swappedIn(tree)) {
      renameSync(name, free)
      renameSync(other, name)
      renameSync(free, other)
    }
    result.swaps += 1
  }
  await runRound(tree, createContender(swap), result)
  return result
}

function prepare({ root, outside }: Tree): void {
  for (const directory of ['dir/tree', 'files']) mkdirSync(join(root, directory), { recursive: true })
  writeFileSync(join(root, 'files/file'), inside)
  symlinkSync(outside, join(root, 'other-dir'))
  symlinkSync(join(outside, 'secret.txt'), join(root, 'other-file'))
  restore(outside)
}

function restore(outside: string): void {
  mkdirSync(join(outside, 'tree'), { recursive: true })
  for (const name of ['secret.txt', 'only-outside', 'victim.txt', 'tree/victim.txt'])
    writeFileSync(join(outside, name), secret)
}

async function runRound({ outside }: Tree, contender: Contender, result: MutableResult): Promise<void> {
  const { escapes } = result
  const attempt = async <T>(operation: Operation, work: () => T): Promise<Awaited<T> | undefined> => {
    try {
      const value = await work()
      result.succeeded[operation] += 1
      return value
    } catch {
      return undefined
    }
  }
  const isGone = (name: string): boolean => !existsSync(join(outside, name))
  for (const path of ['dir/secret.txt', 'files/file']) {
    await attempt('write', () => contender.write(path, inside))
    if (readFileSync(join(outside, 'secret.txt'), 'utf8') !== secret) {
      escapes.write += 1
      restore(outside)
    }
    if ((await attempt('read', () => contender.read(path))) === secret) escapes.read += 1
  }
  if ((await attempt('list', () => contender.list('dir')))?.includes('only-outside')) escapes.list += 1
  await attempt('write', () => contender.write('dir/victim.txt', inside))
  restore(outside)
  await attempt('remove', () => contender.remove('dir/victim.txt'))
  if (isGone('victim.txt')) escapes.remove += 1
  await attempt('removeTree', () => contender.removeTree('dir/tree'))
  if (isGone('tree/victim.txt')) escapes.removeTree += 1
  restore(outside)
  result.rounds += 1
}

/** Looks where a path leads, and then goes there: what a provider without descriptors does. */
export function createNaiveContender(root: string, pause: () => void): Contender {
  const checked = async (path: string): Promise<string> => {
    const real = await realpath(join(root, path))
    if (!real.startsWith(`${root}/`)) throw new Error('escape')
    pause()
    return join(root, path)
  }
  const parentChecked = async (path: string): Promise<string> => {
    await checked(join(path, '..'))
    return join(root, path)
  }
  return {
    read: async (path) => readFile(await checked(path), 'utf8'),
    write: async (path, text) => writeFile(await checked(path).catch(() => parentChecked(path)), text),
    list: async (path) => readdir(await checked(path)),
    remove: async (path) => unlink(await parentChecked(path)),
    removeTree: async (path) => rm(await checked(path), { recursive: true }),
  }
}
