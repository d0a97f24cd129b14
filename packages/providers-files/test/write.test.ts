import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { capabilityBody } from '@capsule/provider-sdk'
import { callCapability } from '@capsule/provider-sdk/testing'
import { waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import { call, codeOf, createTree, invoke, secret } from './tree.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A first chunk, and then none for ever. */
function createSource(): { body: AsyncIterable<Uint8Array>; begun: Promise<void> } {
  const begun = Promise.withResolvers<void>()
  async function* produce(): AsyncGenerator<Uint8Array> {
    yield text('first')
    // asked for again: the first chunk is written
    begun.resolve()
    await new Promise(() => {})
  }
  return { body: produce(), begun: begun.promise }
}

describe('write', () => {
  it('writes text and bytes, and tells how many', async () => {
    const tree = createTree()
    const provider = tree.provide()
    expect(await call(provider, 'write', 'data:/a.txt', 'héllo')).toEqual({ bytes: 6 })
    expect(await call(provider, 'write', 'b.bin', Uint8Array.of(0, 255))).toEqual({ bytes: 2 })
    expect(readFileSync(join(tree.root, 'a.txt'), 'utf8')).toBe('héllo')
    expect(readFileSync(join(tree.root, 'b.bin'))).toEqual(Buffer.of(0, 255))
    expect(readdirSync(tree.root)).toEqual(['a.txt', 'b.bin'])
    expect(tree.countOpen()).toBe(1)
  })

  it.each([true, false])('writes a stream (fsync: %j)', async (fsync) => {
    const tree = createTree()
    const provider = tree.provide({}, { fsync })
    const { value, description } = await callCapability(provider, 'write', ['a.txt'], { body: [text('ab'), text('c')] })
    expect(value).toEqual({ bytes: 3 })
    expect(description).toBe('write a stream to data:/a.txt, replacing what is there')
    expect(readFileSync(join(tree.root, 'a.txt'), 'utf8')).toBe('abc')
  })

  it('replaces a file as a whole and keeps its permissions, or fails where that is asked for', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'old' })
    chmodSync(join(tree.root, 'a.txt'), 0o666)
    const { ino } = statSync(join(tree.root, 'a.txt'))
    const provider = tree.provide()
    expect(await codeOf(call(provider, 'write', 'a.txt', 'new', { ifExists: 'fail' }))).toBe('FILES_EXISTS')
    expect(readFileSync(join(tree.root, 'a.txt'), 'utf8')).toBe('old')
    await call(provider, 'write', 'a.txt', 'new')
    const stats = statSync(join(tree.root, 'a.txt'))
    expect([stats.mode & 0o777, stats.ino === ino]).toEqual([0o666, false])
    expect(readFileSync(join(tree.root, 'a.txt'), 'utf8')).toBe('new')
  })

  it('lets only one of many be first', async () => {
    const tree = createTree()
    const provider = tree.provide()
    const codes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        codeOf(call(provider, 'write', 'a.txt', `writer ${index}`, { ifExists: 'fail' })),
      ),
    )
    expect(codes.filter((code) => code === 'FILES_EXISTS')).toHaveLength(19)
    expect(readdirSync(tree.root)).toEqual(['a.txt'])
    expect(statSync(join(tree.root, 'a.txt')).nlink).toBe(1)
  })

  it('leaves nothing when it is aborted, not even what it took of the quota', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'old' })
    const provider = tree.provide({ maxWrittenBytes: 5, maxCreatedEntries: 1 })
    for (const path of ['a.txt', 'new.txt']) {
      const { body, begun } = createSource()
      const controller = new AbortController()
      const writing = invoke(provider, 'write', { path, data: capabilityBody }, { body, signal: controller.signal })
      await waitFor(begun)
      expect(readdirSync(tree.root)).toHaveLength(2)
      controller.abort()
      expect(await codeOf(waitFor(writing))).toBe('CANCELLED')
      expect(readdirSync(tree.root)).toEqual(['a.txt'])
    }
    expect(readFileSync(join(tree.root, 'a.txt'), 'utf8')).toBe('old')
    expect(await call(provider, 'write', 'new.txt', '12345')).toEqual({ bytes: 5 })
    expect(tree.countOpen()).toBe(1)
  })

  it('leaves nothing when its source fails or has too much', async () => {
    const tree = createTree()
    const provider = tree.provide({}, { maxWriteBytes: 10 })
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield text('abc')
      throw new Error('no more')
    }
    expect(await codeOf(callCapability(provider, 'write', ['a.txt'], { body: failing() }))).toBe('CAPABILITY_FAILED')
    const large = [text('123456'), text('789012')]
    await expect(callCapability(provider, 'write', ['a.txt'], { body: large })).rejects.toMatchObject({
      code: 'FILES_TOO_LARGE',
      details: { bytes: 12, limitBytes: 10 },
    })
    expect(await codeOf(call(provider, 'write', 'a.txt', '12345678901'))).toBe('FILES_TOO_LARGE')
    expect(await codeOf(call(provider, 'append', 'a.txt', '12345678901'))).toBe('FILES_TOO_LARGE')
    expect(readdirSync(tree.root)).toEqual([])
    expect(tree.countOpen()).toBe(1)
  })

  it('fails without a trace when its directory is removed meanwhile', async () => {
    const tree = createTree()
    tree.add({ 'sub/': '' })
    const provider = tree.provide()
    async function* removing(): AsyncGenerator<Uint8Array> {
      yield text('abc')
      rmSync(join(tree.root, 'sub'), { recursive: true })
    }
    expect(await codeOf(callCapability(provider, 'write', ['sub/a.txt'], { body: removing() }))).toBe('FILES_CHANGED')
    expect(readdirSync(tree.root)).toEqual([])
  })

  it('refuses links and what is no file, and leaves what they point to alone', async () => {
    const tree = createTree()
    tree.add({ 'sub/': '' })
    symlinkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'link'))
    symlinkSync(join(tree.outside, 'new.txt'), join(tree.root, 'dangling'))
    execFileSync('mkfifo', [join(tree.root, 'fifo')])
    const provider = tree.provide()
    const codes = async (name: string): Promise<unknown> => [
      await codeOf(call(provider, 'write', name, 'x')),
      await codeOf(call(provider, 'append', name, 'x')),
    ]
    expect(await codes('link')).toEqual(['FILES_LINK_REFUSED', 'FILES_LINK_REFUSED'])
    expect(await codes('dangling')).toEqual(['FILES_LINK_REFUSED', 'FILES_LINK_REFUSED'])
    expect(await codes('sub')).toEqual(['FILES_NOT_A_FILE', 'FILES_NOT_A_FILE'])
    expect(await codes('fifo')).toEqual(['FILES_NOT_A_FILE', 'FILES_NOT_A_FILE'])
    expect(await codes('missing/a.txt')).toEqual(['FILES_NOT_FOUND', 'FILES_NOT_FOUND'])
    expect(await codes('data:/')).toEqual(['FILES_PATH_INVALID', 'FILES_PATH_INVALID'])
    expect(readdirSync(tree.outside)).toEqual(['secret.txt'])
    expect(readFileSync(join(tree.outside, 'secret.txt'), 'utf8')).toBe(secret)
  })

  it('puts a new file in the place of a hard link, and appends to none', async () => {
    const tree = createTree()
    linkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'hard'))
    const provider = tree.provide()
    expect(await codeOf(call(provider, 'append', 'hard', 'x'))).toBe('FILES_LINK_REFUSED')
    await call(provider, 'write', 'hard', 'mine')
    expect(readFileSync(join(tree.outside, 'secret.txt'), 'utf8')).toBe(secret)
    expect(await call(provider, 'read', 'hard', 'utf8')).toBe('mine')
  })
})

describe('append', () => {
  it('makes a file, then adds to it', async () => {
    const tree = createTree()
    const provider = tree.provide({ fileMode: 0o600 }, { fsync: true })
    expect(await call(provider, 'append', 'log.txt', 'a')).toEqual({ bytes: 1 })
    expect(await call(provider, 'append', 'log.txt', text('b'))).toEqual({ bytes: 1 })
    expect(readFileSync(join(tree.root, 'log.txt'), 'utf8')).toBe('ab')
    expect(lstatSync(join(tree.root, 'log.txt')).mode & 0o777).toBe(0o600)
  })

  it('keeps what many append at once whole', async () => {
    const tree = createTree()
    const provider = tree.provide()
    const lines = Array.from({ length: 50 }, (_, index) => `${String(index).padStart(2, '0')}${'x'.repeat(1000)}\n`)
    await Promise.all(lines.map((line) => call(provider, 'append', 'log.txt', line)))
    const written = readFileSync(join(tree.root, 'log.txt'), 'utf8').split(/(?<=\n)/)
    expect(written.sort()).toEqual(lines)
  })
})

describe('the quota of a root', () => {
  it('holds for all writes together, also at once, and what is removed does not come back', async () => {
    const tree = createTree()
    const provider = tree.provide({ maxWrittenBytes: 100 })
    const codes = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        codeOf(
          index % 2 === 0
            ? callCapability(provider, 'write', [`${index}.txt`], { body: [text('12345'), text('67890')] })
            : call(provider, 'append', 'log.txt', '1234567890'),
        ),
      ),
    )
    const refused = codes.filter((code) => code === 'FILES_QUOTA_EXCEEDED').length
    const written = readdirSync(tree.root).reduce((sum, name) => sum + statSync(join(tree.root, name)).size, 0)
    expect(codes.every((code) => /^no error|QUOTA/.test(code))).toBe(true)
    expect([written <= 100, written > 0, refused >= 20]).toEqual([true, true, true])
    for (const name of readdirSync(tree.root)) await call(provider, 'remove', name)
    const left = 100 - written
    await expect(call(provider, 'write', 'a.txt', 'x'.repeat(left + 1))).rejects.toMatchObject({
      code: 'FILES_QUOTA_EXCEEDED',
      message:
        'data:/a.txt: bytes written would be 101, over the limit of 100 for this root (roots.data.maxWrittenBytes)',
    })
  })

  it('counts new entries of every kind', async () => {
    const tree = createTree()
    const provider = tree.provide({ maxCreatedEntries: 3 })
    await call(provider, 'mkdir', 'a')
    await call(provider, 'write', 'a/b.txt', '')
    await call(provider, 'append', 'a/c.txt', '')
    // these make nothing new
    await call(provider, 'write', 'a/b.txt', 'x')
    await call(provider, 'append', 'a/c.txt', 'x')
    await call(provider, 'mkdir', 'a', { recursive: true })
    for (const [name, ...args] of [
      ['mkdir', 'd'],
      ['write', 'd', ''],
      ['append', 'd', ''],
      ['mkdir', 'a/e/f', { recursive: true }],
    ] as const)
      expect([name, await codeOf(call(provider, name, ...args))]).toEqual([name, 'FILES_QUOTA_EXCEEDED'])
    expect(readdirSync(tree.root, { recursive: true })).toEqual(['a', 'a/b.txt', 'a/c.txt'])
  })
})
