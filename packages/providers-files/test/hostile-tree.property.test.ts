import * as fc from 'fast-check'
import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { addHostileEntries, honestFiles, hostileNames, snapshotOf } from './hostile-tree.ts'
import { call, createTree } from './tree.ts'
import { callCapability } from '@capsule/provider-sdk/testing'

// much more than it takes: other tests run beside it
const testTimeoutMs = 60_000

const starts = fc.constantFrom('data:/', 'data:/', '', '/', 'other:/')
const madeUp = fc
  .tuple(starts, fc.array(fc.constantFrom(...hostileNames), { maxLength: 4 }))
  .map(([start, names]) => start + names.join('/'))
const honest = fc.constantFrom(...Object.keys(honestFiles), 'real/deep', 'real').map((path) => `data:/${path}`)
const paths = fc.oneof({ weight: 3, arbitrary: madeUp }, { weight: 1, arbitrary: honest })

const changes = fc.record({
  name: fc.constantFrom('write', 'append', 'mkdir', 'remove'),
  path: paths,
  isStrong: fc.boolean(),
})

const rootCodes = /^(CAPABILITY_ARGUMENTS_INVALID|FILES_[A-Z_]+)$/

/** The value, or nothing for an error that a cell may see; any other error is thrown. */
async function settled<T>(calling: Promise<T>): Promise<T | undefined> {
  try {
    return await calling
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string }
    // nothing of the host is told
    const isFit = rootCodes.test(code) && code !== 'FILES_IO_FAILED' && !message.includes('capsule-files-')
    if (isFit) return undefined
    throw error
  }
}

describe.each(['descriptors', 'realpath'] as const)('in a tree of links, FIFOs and odd names (%s)', (confinement) => {
  it(
    'what is read is always a regular file of the root, by its own path',
    async () => {
      const tree = createTree()
      addHostileEntries(tree)
      const provider = tree.provide({}, { confinement })
      const outside = snapshotOf(tree.outside)
      let found = 0
      await fc.assert(
        fc.asyncProperty(paths, async (path) => {
          const expected = honestFiles[path.replace(/^data:\//, '')]
          const text = await settled(call<string>(provider, 'read', path, 'utf8'))
          expect(text).toBe(expected)
          const streamed = await settled(callCapability(provider, 'readStream', [path]))
          expect(streamed?.text()).toBe(expected)
          const stats = await settled(call<{ type: string; size?: number }>(provider, 'stat', path))
          const size = expected === undefined ? undefined : Buffer.byteLength(expected)
          expect([stats?.type === 'file', stats?.size]).toEqual([expected !== undefined, size])
          const listing = await settled(call<{ entries: { name: string }[] }>(provider, 'list', path))
          expect(listing?.entries.map(({ name }) => name) ?? []).not.toContain('secret.txt')
          if (expected !== undefined) found += 1
        }),
        { numRuns: 400 },
      )
      // else nothing was tried
      expect(found).toBeGreaterThan(5)
      expect(snapshotOf(tree.outside)).toBe(outside)
      expect(tree.countOpen()).toBe(confinement === 'descriptors' ? 1 : 0)
    },
    testTimeoutMs,
  )

  it(
    'what is written, made or removed is never outside of the root',
    async () => {
      let done = 0
      await fc.assert(
        fc.asyncProperty(fc.array(changes, { minLength: 4, maxLength: 10 }), async (calls) => {
          const tree = createTree()
          addHostileEntries(tree)
          const provider = tree.provide({}, { confinement })
          const outside = snapshotOf(tree.outside)
          for (const { name, path, isStrong } of calls) {
            const args = {
              write: [path, 'x', { ifExists: isStrong ? 'replace' : 'fail' }],
              append: [path, 'x'],
              mkdir: [path, { recursive: isStrong }],
              remove: [path, { recursive: isStrong }],
            }[name]
            if ((await settled(call(provider, name, ...(args ?? [])))) !== undefined) done += 1
            expect(snapshotOf(tree.outside)).toBe(outside)
          }
          await provider[Symbol.asyncDispose]()
          expect(tree.countOpen()).toBe(0)
          rmSync(tree.root, { recursive: true })
        }),
        { numRuns: 40 },
      )
      expect(done).toBeGreaterThan(10)
    },
    testTimeoutMs,
  )
})
