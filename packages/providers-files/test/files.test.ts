import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { callCapability } from '@capsule/provider-sdk/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { files, type FilesOptions } from '../src/index.ts'
import { chooseConfinement } from '../src/root/open-root.ts'
import { call, codeOf, createTree } from './tree.ts'

const options = (value: unknown): FilesOptions => value as FilesOptions

describe('files()', () => {
  it.each([
    [{}, /roots: /],
    [{ roots: {} }, /roots: must hold at least one root/],
    [{ roots: { 'a b': { path: '/' } } }, /names must be letters/],
    [{ roots: { data: { path: 'relative' } } }, /roots\.data\.path: must be an absolute path/],
    [{ roots: { data: { path: '/', mode: 'wo' } } }, /roots\.data\.mode/],
    [{ roots: { data: { path: '/', mod: 'rw' } } }, /Unrecognized key: "mod"/],
    [{ roots: { data: { path: '/' } }, maxReadByte: 1 }, /Unrecognized key: "maxReadByte"/],
    [{ roots: { data: { path: '/' } }, maxReadBytes: 0 }, /maxReadBytes/],
    [{ roots: { data: { path: '/' } }, maxNameBytes: 256 }, /maxNameBytes/],
    [{ roots: { data: { path: '/none/such' } } }, /roots\.data\.path: \/none\/such .*ENOENT.*create: true/],
    [{ roots: { data: { path: '/proc/version' } } }, /is not a directory/],
  ])('refuses %j', (value, message) => {
    expect(() => files(options(value))).toThrow(message)
    expect(() => files(options(value))).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  })

  it('closes the roots it has opened when a later one is refused', () => {
    const tree = createTree()
    const roots = { data: { path: tree.root }, none: { path: join(tree.root, 'none') } }
    expect(() => files({ roots })).toThrow(/none/)
    expect(tree.countOpen()).toBe(0)
  })

  it('makes a root where that is asked for', async () => {
    const tree = createTree()
    const provider = tree.provide({ path: join(tree.root, 'new/root'), create: true })
    await call(provider, 'write', 'a.txt', 'a')
    expect(readdirSync(join(tree.root, 'new/root'))).toEqual(['a.txt'])
  })

  it('writes to no root that is read-only, which is the default', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'a' })
    const provider = files({ roots: { data: { path: tree.root } } })
    for (const [name, ...args] of [
      ['write', 'a.txt', 'b'],
      ['append', 'a.txt', 'b'],
      ['mkdir', 'b'],
      ['mkdir', 'b', { recursive: true }],
      ['remove', 'a.txt'],
    ] as const)
      expect([name, await codeOf(call(provider, name, ...args))]).toEqual([name, 'FILES_READ_ONLY'])
    expect(await call(provider, 'read', 'a.txt', 'utf8')).toBe('a')
    expect(readdirSync(tree.root)).toEqual(['a.txt'])
    await provider[Symbol.asyncDispose]()
    expect(tree.countOpen()).toBe(0)
    expect(await codeOf(call(provider, 'read', 'a.txt'))).toBe('FILES_CLOSED')
  })

  it('knows its roots by name, and tells which there are', async () => {
    const tree = createTree()
    tree.add({ 'in/a.txt': 'a', 'out/': '' })
    const provider = files({
      roots: { data: { path: join(tree.root, 'in') }, out: { path: join(tree.root, 'out'), mode: 'rw' } },
    })
    onTestFinished(() => provider[Symbol.asyncDispose]())
    await call(provider, 'write', 'out:/b.txt', await call(provider, 'read', 'data:/a.txt'))
    await expect(call(provider, 'read', 'other:/a.txt')).rejects.toMatchObject({
      code: 'FILES_ROOT_UNKNOWN',
      message: 'other:/a.txt: there is no such root; there are data:/, out:/',
    })
    await expect(call(provider, 'read', 'a.txt')).rejects.toThrow(/path: names no root, and there are several/)
    expect(await call(provider, 'info')).toMatchObject({
      roots: [
        { name: 'data', mode: 'ro', confinement: 'descriptors' },
        { name: 'out', mode: 'rw', confinement: 'descriptors' },
      ],
      maxReadBytes: 8 * 1024 * 1024,
    })
  })

  it('gives policies the one spelling of each path', () => {
    const { capabilities } = createTree().provide()
    const pathOf = (path: string): unknown => capabilities['stat']?.checkInput({ path })
    expect(pathOf('a/b')).toEqual({ isValid: true, value: { path: 'data:/a/b' } })
    expect(pathOf('data:/a/b')).toEqual(pathOf('a/b'))
    expect(pathOf('data:/a/../b')).toEqual({
      isValid: false,
      problems: ["path: has the name '..', which is not followed"],
    })
    // and a handler that is called without the check refuses the same
    const invoke = async (): Promise<unknown> => capabilities['stat']?.invoke({ path: 'data:/../b' }, {} as never)
    return expect(invoke()).rejects.toMatchObject({ code: 'FILES_PATH_INVALID' })
  })

  it('shows what would hide in a line that a person approves', async () => {
    const provider = createTree().provide()
    const describe = (name: string, input: object): string | undefined =>
      provider.capabilities[name]?.describeCall(input)
    expect(describe('read', { path: 'data:/\u202etxt.exe' })).toBe('read data:/\\u{202e}txt.exe')
    expect(describe('write', { path: 'data:/a', data: 'é', ifExists: 'fail' })).toBe('write 2 bytes to data:/a')
    expect(describe('remove', { path: 'data:/a', recursive: true })).toBe('remove data:/a and all that is in it')
    expect(describe('read', { path: `data:/${'a'.repeat(250)}/${'b'.repeat(250)}` })).toMatch(/^read data:\/a+…b+$/)
    const { annotations } = await callCapability(provider, 'append', ['a.txt', 'abc'])
    expect(annotations).toEqual({ bytes: 3, confinement: 'descriptors' })
  })
})

describe('a root', () => {
  it('stays the directory that it was, whatever takes its name', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'mine' })
    const provider = tree.provide()
    renameSync(tree.root, `${tree.root}-moved`)
    symlinkSync(tree.outside, tree.root)
    expect(await call(provider, 'read', 'a.txt', 'utf8')).toBe('mine')
    expect(await codeOf(call(provider, 'read', 'secret.txt'))).toBe('FILES_NOT_FOUND')
    await call(provider, 'write', 'b.txt', 'b')
    expect(readdirSync(`${tree.root}-moved`)).toEqual(['a.txt', 'b.txt'])
    expect(readdirSync(tree.outside)).toEqual(['secret.txt'])
    rmSync(`${tree.root}-moved`, { recursive: true })
    expect(await codeOf(call(provider, 'read', 'a.txt'))).toBe('FILES_NOT_FOUND')
    expect(await codeOf(call(provider, 'write', 'a.txt', ''))).toBe('FILES_NOT_FOUND')
  })

  it('may be reached by a link of the host, once', async () => {
    const tree = createTree()
    tree.add({ 'real/a.txt': 'mine' })
    symlinkSync(join(tree.root, 'real'), join(tree.root, 'link'))
    for (const confinement of ['descriptors', 'realpath'] as const) {
      const provider = tree.provide({ path: join(tree.root, 'link') }, { confinement })
      expect(await call(provider, 'read', 'a.txt', 'utf8')).toBe('mine')
    }
  })

  it('is confined as strongly as the platform can, and by less only where that is asked for', () => {
    expect(chooseConfinement('auto', 'linux')).toBe('descriptors')
    expect(chooseConfinement('auto', 'darwin')).toBe('realpath')
    expect(chooseConfinement('realpath', 'linux')).toBe('realpath')
    expect(() => chooseConfinement('descriptors', 'win32')).toThrow(/needs Linux, and this is win32/)
  })

  it('takes very deep and very long paths', async () => {
    const tree = createTree()
    const provider = tree.provide({}, { maxDepth: 256 })
    const deep = Array.from({ length: 200 }, () => 'dir').join('/')
    await call(provider, 'mkdir', deep, { recursive: true })
    await call(provider, 'write', `${deep}/a.txt`, 'deep')
    expect(await call(provider, 'read', `${deep}/a.txt`, 'utf8')).toBe('deep')
    expect(await call(provider, 'remove', 'dir', { recursive: true })).toEqual({ removed: 201 })
    mkdirSync(join(tree.root, 'a'.repeat(255)))
    const long = `${'a'.repeat(255)}/${'b'.repeat(255)}/${'c'.repeat(255)}`
    await call(provider, 'mkdir', long, { recursive: true })
    await call(provider, 'write', `${long}/d`, 'long')
    expect(await call(provider, 'read', `${long}/d`, 'utf8')).toBe('long')
    expect(tree.countOpen()).toBe(1)
  })
})
