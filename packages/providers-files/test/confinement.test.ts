import { execFileSync } from 'node:child_process'
import {
  constants,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  closeSync,
  renameSync,
  symlinkSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { waitFor, waitForEvent } from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRoot } from '../src/root/open-root.ts'
import { addHostileEntries } from './hostile-tree.ts'
import { call, codeOf, createTree, secret } from './tree.ts'

const rules = { hardLinks: 'refuse', mounts: 'refuse' } as const

describe.each(['descriptors', 'realpath'] as const)('a root confined by %s', (confinement) => {
  it('refuses links at every place of a path, also those that stay inside', async () => {
    const tree = createTree()
    addHostileEntries(tree)
    const provider = tree.provide({}, { confinement })
    const refused = ['out.txt', 'out/secret.txt', 'real/out/secret.txt', 'relative/secret.txt', 'up/outside/secret.txt']
    refused.push(
      'self/a.txt',
      'inner/a.txt',
      'inner.txt',
      'loop',
      'dangling',
      'slash/etc',
      'magic/etc',
      'cwd/x',
      'fd.txt',
    )
    refused.push('hard', 'real/hard')
    for (const path of refused)
      expect([path, await codeOf(call(provider, 'read', path))]).toEqual([path, 'FILES_LINK_REFUSED'])
    await expect(call(provider, 'read', 'real/out/secret.txt')).rejects.toThrow(
      'data:/real/out: is a symbolic link, and links are not followed because they may lead out of the root',
    )
    await expect(call(provider, 'read', 'hard')).rejects.toThrow('is a hard link (one of 3 names of the file)')
  })

  it('takes hard links where the host allows them', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'a' })
    linkSync(join(tree.root, 'a.txt'), join(tree.root, 'b.txt'))
    const provider = tree.provide({ hardLinks: 'allow' }, { confinement })
    expect(await call(provider, 'read', 'b.txt', 'utf8')).toBe('a')
    await call(provider, 'append', 'b.txt', 'b')
    expect(await call(provider, 'read', 'a.txt', 'utf8')).toBe('ab')
  })

  it('enters no other file system, unless the host allows it', async () => {
    const provider = createTree().provide({ path: '/', mode: 'ro' }, { confinement })
    for (const path of ['proc/version', 'proc/self/environ', 'dev/null', 'sys/kernel'])
      expect([path, await codeOf(call(provider, 'read', path))]).toEqual([path, 'FILES_MOUNT_REFUSED'])
    expect(await codeOf(call(provider, 'list', 'proc'))).toBe('FILES_MOUNT_REFUSED')
    const open = createTree().provide({ path: '/', mode: 'ro', mounts: 'allow' }, { confinement })
    expect(await call(open, 'read', 'proc/version', 'utf8')).toMatch(/^Linux/)
    expect(await codeOf(call(open, 'read', 'proc/self/environ'))).toBe('FILES_LINK_REFUSED')
    expect(await codeOf(call(open, 'read', 'dev/zero'))).toBe('FILES_NOT_A_FILE')
  })

  it('follows no magic links of /proc', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'a' })
    const fd = openSync(join(tree.outside, 'secret.txt'), 'r')
    onTestFinished(() => closeSync(fd))
    const provider = tree.provide({ path: '/proc/self', mode: 'ro' }, { confinement })
    const paths = [`fd/${fd}`, 'root/etc/passwd', 'cwd/package.json', 'exe', `task/${process.pid}/root/etc/passwd`]
    for (const path of paths)
      expect([path, await codeOf(call(provider, 'read', path))]).toEqual([path, 'FILES_LINK_REFUSED'])
    // the control: who follows them gets there
    expect(readFileSync(`/proc/self/fd/${fd}`, 'utf8')).toBe(secret)
  })

  it('opens no device', async () => {
    const provider = createTree().provide({ path: '/dev' }, { confinement })
    for (const name of ['read', 'readStream'])
      expect(await codeOf(call(provider, name, 'zero'))).toBe('FILES_NOT_A_FILE')
    await expect(call(provider, 'append', 'null', 'x')).rejects.toThrow('data:/null: is a device, not a regular file')
  })

  it('opens no socket', async () => {
    const tree = createTree()
    const server = createServer().listen(join(tree.root, 'socket'))
    await waitForEvent(server, 'listening')
    onTestFinished(() => void server.close())
    const provider = tree.provide({}, { confinement })
    await expect(call(provider, 'read', 'socket')).rejects.toThrow('data:/socket: is a socket, not a regular file')
    expect(await codeOf(call(provider, 'append', 'socket', 'x'))).toBe('FILES_NOT_A_FILE')
  })

  it('is not held up by FIFOs, which hold up whoever just opens them', async () => {
    const tree = createTree()
    tree.add({ 'a.txt': 'a' })
    const fifo = join(tree.root, 'fifo')
    execFileSync('mkfifo', [fifo])
    const provider = tree.provide({}, { confinement })
    const calls = ['read', 'readStream', 'append', 'write'].flatMap((name) => Array.from({ length: 8 }, () => name))
    const codes = Promise.all(
      calls.map((name) => codeOf(call(provider, name, 'fifo', ...(name.startsWith('read') ? [] : ['x'])))),
    )
    expect(new Set(await waitFor(codes))).toEqual(new Set(['FILES_NOT_A_FILE']))
    // the control: an open of the same FIFO waits until someone writes to it
    let isOpened = false
    const opening = open(fifo, 'r').then(async (handle) => {
      isOpened = true
      await handle.close()
    })
    expect(await waitFor(call(provider, 'read', 'a.txt', 'utf8'))).toBe('a')
    expect(await codeOf(waitFor(call(provider, 'read', 'fifo')))).toBe('FILES_NOT_A_FILE')
    expect(isOpened).toBe(false)
    closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK))
    await waitFor(opening)
  })

  it('refuses a directory that became a link since it was last seen', () => {
    const tree = createTree()
    tree.add({ 'sub/a.txt': 'a' })
    const root = openRoot('data', tree.root, rules, confinement)
    onTestFinished(() => root.close())
    root.openDirectory(['sub']).close()
    renameSync(join(tree.root, 'sub'), join(tree.root, 'moved'))
    symlinkSync(tree.outside, join(tree.root, 'sub'))
    expect(() => root.openDirectory(['sub'])).toThrow(expect.objectContaining({ code: 'FILES_LINK_REFUSED' }))
  })

  it('is closed once, and then gives nothing', () => {
    const tree = createTree()
    const root = openRoot('data', tree.root, rules, confinement)
    root.close()
    root.close()
    expect(() => root.openDirectory([])).toThrow(expect.objectContaining({ code: 'FILES_CLOSED' }))
    expect(tree.countOpen()).toBe(0)
  })
})

describe('what happens to a directory that is in use', () => {
  it('by descriptors: it stays what it is, for reads, lists and writes', () => {
    const tree = createTree()
    tree.add({ 'sub/a.txt': 'a' })
    const root = openRoot('data', tree.root, rules, 'descriptors')
    const directory = root.openDirectory(['sub'])
    renameSync(join(tree.root, 'sub'), join(tree.root, 'moved'))
    symlinkSync(tree.outside, join(tree.root, 'sub'))
    // the control: by its path one is outside by now
    expect(readdirSync(join(tree.root, 'sub'))).toEqual(['secret.txt'])
    expect(readdirSync(directory.hostPath)).toEqual(['a.txt'])
    expect(existsSync(directory.hostPathOf('secret.txt'))).toBe(false)
    const { fd } = directory.openFile('a.txt', 'read')
    expect(readFileSync(fd, 'utf8')).toBe('a')
    closeSync(fd)
    directory.close()
    root.close()
    expect(() => directory.hostPath).toThrow(expect.objectContaining({ code: 'FILES_CLOSED' }))
  })

  it('by realpath: the next look sees that it leads elsewhere', () => {
    const tree = createTree()
    tree.add({ 'sub/secret.txt': 'inside' })
    const root = openRoot('data', tree.root, rules, 'realpath')
    const directory = root.openDirectory(['sub'])
    renameSync(join(tree.root, 'sub'), join(tree.root, 'moved'))
    symlinkSync(tree.outside, join(tree.root, 'sub'))
    expect(() => directory.confirm()).toThrow(expect.objectContaining({ code: 'FILES_CHANGED' }))
    expect(() => directory.openFile('secret.txt', 'read')).toThrow(expect.objectContaining({ code: 'FILES_CHANGED' }))
    renameSync(tree.root, `${tree.root}-moved`)
    symlinkSync(tree.outside, tree.root)
    expect(() => root.openDirectory([])).toThrow(expect.objectContaining({ code: 'FILES_CHANGED' }))
    expect(tree.countOpen()).toBe(0)
  })
})
