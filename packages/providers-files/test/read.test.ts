import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CapabilityReply } from '@capsule/provider-sdk'
import { callCapability } from '@capsule/provider-sdk/testing'
import { describe, expect, it } from 'vitest'
import { call, codeOf, createTree, invoke } from './tree.ts'

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)

describe('read', () => {
  it('gives bytes, or text where an encoding is named', async () => {
    const tree = createTree()
    tree.add({ 'reports/a.txt': 'héllo' })
    const provider = tree.provide()
    expect(await call(provider, 'read', 'data:/reports/a.txt')).toEqual(new TextEncoder().encode('héllo'))
    expect(await call(provider, 'read', 'data:/reports/a.txt', { encoding: 'utf8' })).toBe('héllo')
    expect(await call(provider, 'read', 'reports/a.txt', 'utf-8')).toBe('héllo')
    expect(tree.countOpen()).toBe(1)
  })

  it('keeps a byte order mark, and refuses text that is none', async () => {
    const tree = createTree()
    tree.add({ 'bom.txt': '\ufeffa' })
    writeFileSync(join(tree.root, 'image'), Uint8Array.of(0xff, 0xfe, 0))
    const provider = tree.provide()
    expect(await call(provider, 'read', 'bom.txt', 'utf8')).toBe('\ufeffa')
    expect(await codeOf(call(provider, 'read', 'image', 'utf8'))).toBe('FILES_NOT_TEXT')
  })

  it('reads parts until there is less than was asked for', async () => {
    const tree = createTree()
    const content = bytes(2500)
    writeFileSync(join(tree.root, 'large'), content)
    const provider = tree.provide({}, { maxReadBytes: 1000 })
    const parts: Uint8Array[] = []
    for (let offset = 0; ; offset += 1000) {
      const part = await call<Uint8Array>(provider, 'read', 'large', { offset, length: 1000 })
      parts.push(part)
      if (part.length < 1000) break
    }
    expect(parts.map(({ length }) => length)).toEqual([1000, 1000, 500])
    expect(Buffer.concat(parts)).toEqual(Buffer.from(content))
    expect(await call(provider, 'read', 'large', { offset: 9999, length: 10 })).toEqual(new Uint8Array(0))
    expect(await call(provider, 'read', 'large', { length: 0 })).toEqual(new Uint8Array(0))
  })

  it('refuses what is over the limit, names both, and says what to do', async () => {
    const tree = createTree()
    writeFileSync(join(tree.root, 'large'), bytes(1001))
    const provider = tree.provide({}, { maxReadBytes: 1000 })
    await expect(call(provider, 'read', 'large')).rejects.toMatchObject({
      code: 'FILES_TOO_LARGE',
      message:
        'data:/large: 1001 bytes are over the limit of 1000; read parts with offset and length, or use readStream (maxReadBytes)',
    })
    expect(await codeOf(call(provider, 'read', 'large', { length: 1001 }))).toBe('FILES_TOO_LARGE')
    expect(await call<Uint8Array>(provider, 'read', 'large', { offset: 1 })).toHaveLength(1000)
    // and a grant may allow less
    const granted = callCapability(provider, 'read', ['large', { length: 900 }], {
      limits: { outputBytes: 32 * 1024 + 800 },
    })
    await expect(granted).rejects.toMatchObject({ code: 'FILES_TOO_LARGE', details: { limitBytes: 800 } })
  })

  it('trusts no size: files of /proc say that they have none', async () => {
    const provider = createTree().provide({ path: '/proc/self' })
    expect(await call<string>(provider, 'read', 'status', 'utf8')).toContain('Threads:')
    expect(await call<Uint8Array>(provider, 'read', 'status', { offset: 2, length: 7 })).toHaveLength(7)
    const few = createTree().provide({ path: '/proc/self' }, { maxReadBytes: 100 })
    expect(await codeOf(call(few, 'read', 'status'))).toBe('FILES_TOO_LARGE')
  })

  it('stops within a large read when it is aborted', async () => {
    const tree = createTree()
    writeFileSync(join(tree.root, 'large'), bytes(8_000_000))
    const controller = new AbortController()
    const reading = invoke(tree.provide(), 'read', { path: 'large' }, { signal: controller.signal })
    controller.abort()
    expect(await codeOf(reading)).toBe('CANCELLED')
    expect(tree.countOpen()).toBe(1)
  })

  it('tells the audit how much it read, and how it was confined', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'abc' })
    const { annotations, description } = await callCapability(tree.provide(), 'read', ['a.txt'])
    expect(annotations).toEqual({ bytes: 3, confinement: 'descriptors' })
    expect(description).toBe('read data:/a.txt')
  })
})

interface Chunks {
  readonly body: AsyncIterator<Uint8Array, undefined> & AsyncIterable<Uint8Array>
  readonly controller: AbortController
}

describe('readStream', () => {
  const large = 300_000

  async function openStream(tree = createTree(), provider = tree.provide()): Promise<Chunks> {
    writeFileSync(join(tree.root, 'large'), bytes(large))
    const controller = new AbortController()
    const { signal } = controller
    const reply = (await invoke(provider, 'readStream', { path: 'large' }, { signal })) as CapabilityReply
    return { body: reply.body as Chunks['body'], controller }
  }

  it('gives the size, and the bytes in chunks', async () => {
    const tree = createTree()
    writeFileSync(join(tree.root, 'large'), bytes(large))
    const provider = tree.provide()
    const reply = await callCapability(provider, 'readStream', ['large'])
    expect(reply.value).toEqual({ path: 'data:/large', size: large })
    expect(reply.chunks?.map((chunk) => (chunk as Uint8Array).length)).toEqual([65536, 65536, 65536, 65536, 37856])
    expect(Buffer.from(reply.bytes())).toEqual(Buffer.from(bytes(large)))
    const part = await callCapability(provider, 'readStream', ['large', { offset: 10, length: 70_000 }])
    expect(Buffer.from(part.bytes())).toEqual(Buffer.from(bytes(large).subarray(10, 70_010)))
    expect(tree.countOpen()).toBe(1)
  })

  it('reads nothing ahead of its reader', async () => {
    const tree = createTree()
    const { body } = await openStream(tree)
    expect((await body.next()).value).toHaveLength(65536)
    truncateSync(join(tree.root, 'large'), 65536 + 5)
    expect((await body.next()).value).toHaveLength(5)
    expect(await body.next()).toEqual({ done: true, value: undefined })
  })

  it('closes its file when the reader leaves, at the end, and when nobody ever reads', async () => {
    const tree = createTree()
    const provider = tree.provide()
    const left = await openStream(tree, provider)
    for await (const chunk of left.body) if (chunk.length > 0) break
    expect(tree.countOpen()).toBe(1)
    expect(await left.body.next()).toEqual({ done: true, value: undefined })
    await openStream(tree, provider)
    expect(tree.countOpen()).toBe(2)
    await provider[Symbol.asyncDispose]()
    expect(tree.countOpen()).toBe(0)
  })

  it('closes its file when the call is aborted, also during a read', async () => {
    const tree = createTree()
    const { body, controller } = await openStream(tree)
    const reading = body.next()
    controller.abort(new Error('enough'))
    await reading.catch(() => {})
    expect(await codeOf(body.next())).toBe('CANCELLED')
    expect(tree.countOpen()).toBe(1)
  })

  it('fails a stream that is read on after the provider was disposed', async () => {
    const tree = createTree()
    const provider = tree.provide()
    const { body } = await openStream(tree, provider)
    await provider[Symbol.asyncDispose]()
    expect(await codeOf(body.next())).toBe('FILES_CLOSED')
    expect(await codeOf(call(provider, 'read', 'large'))).toBe('FILES_CLOSED')
  })

  it('answers many reads at once in order', async () => {
    const { body } = await openStream()
    const chunks = await Promise.all(Array.from({ length: 7 }, () => body.next()))
    expect(Buffer.concat(chunks.flatMap(({ value }) => value ?? []))).toEqual(Buffer.from(bytes(large)))
  })

  it('has a limit for its bytes and one for streams that are open', async () => {
    const tree = createTree()
    const provider = tree.provide({}, { maxOpenStreams: 2, maxStreamBytes: 100_000 })
    tree.add({ 'small.txt': 'a' })
    writeFileSync(join(tree.root, 'large'), bytes(large))
    expect(await codeOf(call(provider, 'readStream', 'large'))).toBe('FILES_TOO_LARGE')
    expect(tree.countOpen()).toBe(1)
    const other = tree.provide({}, { maxOpenStreams: 2 })
    const first = await openStream(tree, other)
    await openStream(tree, other)
    expect(await codeOf(call(other, 'readStream', 'small.txt'))).toBe('FILES_TOO_MANY_STREAMS')
    await first.body.return?.()
    expect(await codeOf(call(other, 'readStream', 'small.txt'))).toMatch(/^no error/)
  })

  it('has a place for the next stream when one is left in the middle of a read', async () => {
    const tree = createTree()
    const provider = tree.provide({}, { maxOpenStreams: 1 })
    for (let count = 0; count < 5; count++) {
      const { body } = await openStream(tree, provider)
      void body.next()
      void body.return?.()
    }
    const [one, ...others] = await Promise.all(
      ['large', 'large', 'large'].map((name) => codeOf(call(provider, 'readStream', name))),
    )
    expect(one).toMatch(/^no error/)
    expect(others).toEqual(['FILES_TOO_MANY_STREAMS', 'FILES_TOO_MANY_STREAMS'])
  })

  it('ends with an error when a file grows beyond the limit while it is read', async () => {
    const tree = createTree()
    const provider = tree.provide({}, { maxStreamBytes: large + 10 })
    const { body } = await openStream(tree, provider)
    appendFileSync(join(tree.root, 'large'), bytes(100))
    // the limit of the call is that of the option here
    expect(await codeOf(readAll(body))).toBe('FILES_TOO_LARGE')
    expect(tree.countOpen()).toBe(1)
  })
})

async function readAll(body: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0
  for await (const chunk of body) count += chunk.length
  return count
}
