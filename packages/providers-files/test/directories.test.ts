import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { callCapability } from '@capsule/provider-sdk/testing'
import { describe, expect, it } from 'vitest'
import { call, codeOf, createTree } from './tree.ts'

interface Listing {
  readonly entries: readonly { name: string; type: string; size?: number }[]
  readonly cursor?: string
  readonly omitted: number
}

describe('list', () => {
  it('tells names, types and sizes, sorted, and nothing of what links point to', async () => {
    const tree = createTree()
    tree.add({ 'b.txt': 'abc', 'a/': '', 'Z.txt': '' })
    symlinkSync(tree.outside, join(tree.root, 'soft'))
    linkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'hard'))
    execFileSync('mkfifo', [join(tree.root, 'fifo')])
    const provider = tree.provide()
    const { entries, cursor, omitted } = await call<Listing>(provider, 'list', 'data:/')
    expect([cursor, omitted]).toEqual([undefined, 0])
    const modifiedMs = expect.any(Number) as number
    expect(entries).toEqual([
      { name: 'Z.txt', type: 'file', size: 0, modifiedMs },
      { name: 'a', type: 'directory', modifiedMs },
      { name: 'b.txt', type: 'file', size: 3, modifiedMs },
      { name: 'fifo', type: 'other' },
      { name: 'hard', type: 'link' },
      { name: 'soft', type: 'link' },
    ])
    const shared = await call<Listing>(tree.provide({ hardLinks: 'allow' }), 'list', 'data:/')
    expect(shared.entries[4]).toEqual({ name: 'hard', type: 'file', size: 10, modifiedMs })
    expect(tree.countOpen()).toBe(2)
  })

  it('goes through a large directory page by page, whatever is added or removed meanwhile', async () => {
    const tree = createTree()
    const names = Array.from({ length: 250 }, (_, index) => `n${String(index).padStart(3, '0')}`)
    for (const name of names) writeFileSync(join(tree.root, name), '')
    const provider = tree.provide({}, { maxEntries: 40 })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page: Listing = await call(provider, 'list', 'data:/', { cursor })
      seen.push(...page.entries.map(({ name }) => name))
      if (cursor === undefined) {
        writeFileSync(join(tree.root, 'a-before'), '')
        await call(provider, 'remove', page.entries.at(-1)!.name)
      }
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seen).toEqual(names)
    expect(await codeOf(call(provider, 'list', 'data:/', { limit: 41 }))).toBe('CAPABILITY_ARGUMENTS_INVALID')
    const { entries } = await call<Listing>(provider, 'list', 'data:/', { limit: 2, cursor: 'n248' })
    expect(entries.map(({ name }) => name)).toEqual(['n249'])
  })

  it('has a limit on how much it looks through', async () => {
    const tree = createTree()
    tree.add({ a: '', b: '', c: '' })
    const provider = tree.provide({}, { maxDirectoryEntries: 2 })
    await expect(call(provider, 'list', 'data:/')).rejects.toMatchObject({
      code: 'FILES_TOO_MANY_ENTRIES',
      details: { limit: 2 },
    })
  })

  it('counts the entries that no path can name, and leaves them out', async () => {
    const tree = createTree()
    tree.add({ ok: '', 'odd\ufffd': '', 'back\\slash': '', 'new\nline': '', '.capsule-0123456789abcdef.tmp': '' })
    writeFileSync(Buffer.concat([Buffer.from(`${tree.root}/`), Buffer.of(0xff, 0x41)]), '')
    const { entries, omitted } = await call<Listing>(tree.provide(), 'list', 'data:/')
    expect(entries.map(({ name }) => name)).toEqual(['odd\ufffd', 'ok'])
    expect(omitted).toBe(4)
  })

  it('refuses files, links and what is missing', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': '' })
    symlinkSync(tree.outside, join(tree.root, 'link'))
    const provider = tree.provide()
    expect(await codeOf(call(provider, 'list', 'a.txt'))).toBe('FILES_NOT_A_DIRECTORY')
    expect(await codeOf(call(provider, 'list', 'link'))).toBe('FILES_LINK_REFUSED')
    expect(await codeOf(call(provider, 'list', 'none'))).toBe('FILES_NOT_FOUND')
  })
})

describe('stat', () => {
  it('tells what something is', async () => {
    const tree = createTree()
    tree.add({ 'a/b.txt': 'abc' })
    symlinkSync(tree.outside, join(tree.root, 'link'))
    const provider = tree.provide()
    const { mtimeMs } = statSync(join(tree.root, 'a/b.txt'))
    expect(await call(provider, 'stat', 'a/b.txt')).toEqual({
      path: 'data:/a/b.txt',
      type: 'file',
      size: 3,
      modifiedMs: Math.floor(mtimeMs),
    })
    expect(await call(provider, 'stat', 'data:/')).toMatchObject({ path: 'data:/', type: 'directory' })
    expect(await call(provider, 'stat', 'link')).toEqual({ path: 'data:/link', type: 'link' })
    expect(await codeOf(call(provider, 'stat', 'link/secret.txt'))).toBe('FILES_LINK_REFUSED')
    expect(await codeOf(call(provider, 'stat', 'a/none'))).toBe('FILES_NOT_FOUND')
    expect(await codeOf(call(provider, 'stat', 'a/b.txt/c'))).toBe('FILES_NOT_A_DIRECTORY')
    expect(tree.countOpen()).toBe(1)
  })
})

describe('mkdir', () => {
  it('makes one, or all that are missing', async () => {
    const tree = createTree()
    const provider = tree.provide({ directoryMode: 0o700 })
    expect(await call(provider, 'mkdir', 'data:/a')).toEqual({ created: 1 })
    expect(await codeOf(call(provider, 'mkdir', 'data:/a'))).toBe('FILES_EXISTS')
    expect(await codeOf(call(provider, 'mkdir', 'data:/b/c'))).toBe('FILES_NOT_FOUND')
    expect(await call(provider, 'mkdir', 'data:/a/b/c', { recursive: true })).toEqual({ created: 2 })
    expect(await call(provider, 'mkdir', 'data:/a/b/c', { recursive: true })).toEqual({ created: 0 })
    expect(statSync(join(tree.root, 'a/b/c')).mode & 0o777).toBe(0o700)
    expect(tree.countOpen()).toBe(1)
  })

  it('makes nothing behind a link or a file', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': '' })
    symlinkSync(tree.outside, join(tree.root, 'link'))
    symlinkSync(join(tree.outside, 'new'), join(tree.root, 'dangling'))
    const provider = tree.provide()
    for (const options of [{}, { recursive: true }]) {
      expect(await codeOf(call(provider, 'mkdir', 'link/x', options))).toBe('FILES_LINK_REFUSED')
      expect(await codeOf(call(provider, 'mkdir', 'a.txt/x', options))).toBe('FILES_NOT_A_DIRECTORY')
    }
    expect(await codeOf(call(provider, 'mkdir', 'dangling'))).toBe('FILES_EXISTS')
    expect(await codeOf(call(provider, 'mkdir', 'dangling', { recursive: true }))).toBe('FILES_LINK_REFUSED')
    expect(readdirSync(tree.outside)).toEqual(['secret.txt'])
    expect(tree.countOpen()).toBe(1)
  })
})

describe('remove', () => {
  it('removes files and empty directories, and whole trees where that is asked for', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': '', 'empty/': '', 'full/b/c.txt': '', 'full/d.txt': '' })
    const provider = tree.provide()
    expect(await call(provider, 'remove', 'a.txt')).toEqual({ removed: 1 })
    expect(await call(provider, 'remove', 'empty')).toEqual({ removed: 1 })
    expect(await codeOf(call(provider, 'remove', 'full'))).toBe('FILES_NOT_EMPTY')
    expect(await call(provider, 'remove', 'full', { recursive: true })).toEqual({ removed: 4 })
    expect(readdirSync(tree.root)).toEqual([])
    expect(await codeOf(call(provider, 'remove', 'full', { recursive: true }))).toBe('FILES_NOT_FOUND')
    expect(await codeOf(call(provider, 'remove', 'data:/', { recursive: true }))).toBe('FILES_PATH_INVALID')
    expect(tree.countOpen()).toBe(1)
  })

  it('takes links, FIFOs and odd names away by themselves', async () => {
    const tree = createTree()
    tree.add({ 'sub/new\nline': '', 'sub/.capsule-0123456789abcdef.tmp': '' })
    mkdirSync(join(tree.outside, 'kept'))
    symlinkSync(tree.outside, join(tree.root, 'sub/link'))
    linkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'sub/hard'))
    execFileSync('mkfifo', [join(tree.root, 'sub/fifo')])
    symlinkSync(tree.outside, join(tree.root, 'link'))
    const provider = tree.provide()
    expect(await codeOf(call(provider, 'remove', 'link/secret.txt'))).toBe('FILES_LINK_REFUSED')
    expect(await call(provider, 'remove', 'link', { recursive: true })).toEqual({ removed: 1 })
    expect(await call(provider, 'remove', 'sub', { recursive: true })).toEqual({ removed: 6 })
    expect(readdirSync(tree.outside)).toEqual(['kept', 'secret.txt'])
  })

  it('stops at its limit and can be called again', async () => {
    const tree = createTree()
    tree.add({ 'sub/a': '', 'sub/b': '', 'sub/c': '', 'sub/d': '' })
    const provider = tree.provide({}, { maxRemovedEntries: 3 })
    await expect(call(provider, 'remove', 'sub', { recursive: true })).rejects.toMatchObject({
      code: 'FILES_TOO_MANY_ENTRIES',
      details: { limit: 3 },
    })
    expect(await call(provider, 'remove', 'sub', { recursive: true })).toEqual({ removed: 2 })
  })

  it('stops when it is aborted', async () => {
    const tree = createTree()
    for (let index = 0; index < 300; index += 1) tree.add({ [`sub/${index}`]: '' })
    const controller = new AbortController()
    const provider = tree.provide()
    const removing = callCapability(provider, 'remove', ['sub', { recursive: true }], { signal: controller.signal })
    setImmediate(() => controller.abort())
    expect(await codeOf(removing)).toBe('CANCELLED')
    expect(existsSync(join(tree.root, 'sub'))).toBe(true)
  })

  it('goes no deeper than paths may, and holds nothing open after that', async () => {
    const tree = createTree()
    tree.add({ 'a/b/c/d/e/f.txt': '' })
    const provider = tree.provide({}, { maxDepth: 4 })
    expect(await codeOf(call(provider, 'remove', 'a', { recursive: true }))).toBe('FILES_TOO_DEEP')
    expect(await codeOf(call(provider, 'read', 'a/b/c/d/e'))).toBe('FILES_TOO_DEEP')
    expect(tree.countOpen()).toBe(1)
    expect(await call(tree.provide({}, { maxDepth: 6 }), 'remove', 'a', { recursive: true })).toEqual({ removed: 6 })
  })
})
