import { closeSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { CapabilityProvider } from '@capsule/provider-sdk'
import { openRoot } from '../src/root/open-root.ts'
import { type Contender, createNaiveContender, type Operation, race, raceOnce, type RaceResult } from './race.ts'
import { call, createTree, secret } from './tree.ts'

const operations: readonly Operation[] = ['read', 'write', 'list', 'remove', 'removeTree']
const deadlineMs = 4000
const testTimeoutMs = 60_000

const everyOne = (counts: Record<Operation, number>): boolean => operations.every((name) => counts[name] > 0)

const isTried = ({ succeeded }: RaceResult): boolean => everyOne(succeeded)

function createProviderContender(provider: CapabilityProvider): Contender {
  return {
    read: (path) => call<string>(provider, 'read', path, 'utf8'),
    write: (path, text) => call(provider, 'write', path, text),
    async list(path) {
      const { entries } = await call<{ entries: { name: string }[] }>(provider, 'list', path)
      return entries.map(({ name }) => name)
    },
    remove: (path) => call(provider, 'remove', path),
    async removeTree(path) {
      await call(provider, 'mkdir', path, { recursive: true })
      await call(provider, 'write', `${path}/victim.txt`, 'inside')
      await call(provider, 'remove', path, { recursive: true })
    },
  }
}

it(
  'the control: whoever checks a path and then uses it escapes in this race',
  async () => {
    const tree = createTree()
    const isEnough = ({ escapes }: RaceResult): boolean => escapes.read + escapes.write > 0
    const naive = createNaiveContender(tree.root, () => {})
    const result = await race(tree, naive, { maxRounds: Infinity, deadlineMs: 30_000, isEnough })
    expect(result).toSatisfy(isEnough)
  },
  testTimeoutMs,
)

it('the control: each operation escapes, and is seen, when something is swapped between check and use', async () => {
  const tree = createTree()
  const { escapes } = await raceOnce(tree, (swap) => {
    const naive = createNaiveContender(tree.root, swap)
    const isSwapped = (): boolean => lstatSync(join(tree.root, 'dir')).isSymbolicLink()
    const fromTheStart =
      <Args extends readonly unknown[], T>(operation: (...args: Args) => T) =>
      (...args: Args): T => {
        if (isSwapped()) swap()
        return operation(...args)
      }
    return {
      read: fromTheStart(naive.read),
      write: fromTheStart(naive.write),
      list: fromTheStart(naive.list),
      remove: fromTheStart(naive.remove),
      removeTree: fromTheStart(naive.removeTree),
    }
  })
  expect(escapes).toSatisfy(everyOne)
})

it(
  'no call of the provider escapes',
  async () => {
    const tree = createTree()
    const quota = { maxWrittenBytes: Number.MAX_SAFE_INTEGER, maxCreatedEntries: Number.MAX_SAFE_INTEGER }
    const contender = createProviderContender(tree.provide(quota))
    const result = await race(tree, contender, { maxRounds: 20_000, deadlineMs, concurrent: 8, isTried })
    expect(result.escapes).toEqual({ read: 0, write: 0, list: 0, remove: 0, removeTree: 0 })
    expect(result).toSatisfy(isTried)
    expect(result.swaps).toBeGreaterThan(500)
    expect(tree.countOpen()).toBe(1)
  },
  testTimeoutMs,
)

it(
  'nor does a root that is used as fast as it can be',
  async () => {
    const tree = createTree()
    const root = openRoot('data', tree.root, { hardLinks: 'refuse', mounts: 'refuse' }, 'descriptors')
    onTestFinished(() => root.close())
    const readOnce = (path: string): string => {
      const segments = path.split('/')
      const directory = root.openDirectory(segments.slice(0, -1))
      try {
        const { fd } = directory.openFile(segments.at(-1)!, 'read')
        const text = readFileSync(fd, 'utf8')
        closeSync(fd)
        return text
      } finally {
        directory.close()
      }
    }
    const listOnce = (path: string): string[] => {
      const directory = root.openDirectory(path.split('/'))
      try {
        return readdirSync(directory.hostPath)
      } finally {
        directory.close()
      }
    }
    const contender: Contender = {
      read: (path) =>
        mostTelling(
          () => readOnce(path),
          (text) => text === secret,
        ),
      list: (path) =>
        mostTelling(
          () => listOnce(path),
          (names) => names.includes('only-outside'),
        ),
      write: () => {},
      remove: () => {},
      removeTree: () => {},
    }
    const result = await race(tree, contender, { maxRounds: 100_000, deadlineMs, isTried })
    expect([result.escapes.read, result.escapes.list]).toEqual([0, 0])
    expect([result.succeeded.read > 0, result.succeeded.list > 0, result.swaps > 500]).toEqual([true, true, true])
    expect(tree.countOpen()).toBe(1)
  },
  testTimeoutMs,
)

const callsInARow = 50

/** Many calls in a row, with nothing between them; the value that shows an escape, if there is one. */
function mostTelling<T>(work: () => T, isEscape: (value: T) => boolean): T {
  const values: T[] = []
  let failure: unknown
  for (let calls = 0; calls < callsInARow; calls += 1) {
    try {
      values.push(work())
    } catch (error) {
      failure = error
    }
  }
  const value = values.find(isEscape) ?? values[0]
  if (value === undefined) throw failure
  return value
}
