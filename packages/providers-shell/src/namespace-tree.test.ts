import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createNamespaceTrees } from './namespace-tree.ts'
import type { ProcessTrees } from './process-tree.ts'
import { findSystemTool } from './system-tools.ts'

const options = { mounts: 'host', network: true } as const
const found = createNamespaceTrees(options)
if ('reason' in found) console.warn(`SKIPPED: namespaces, as ${found.reason}`)
const isMissing = 'reason' in found

/** The arguments before the command, and which process of its namespace the command is. */
function launched(trees: ReturnType<typeof createNamespaceTrees>, ids: object = {}): { flags: string; pid: string } {
  if ('reason' in trees) throw new Error(trees.reason)
  const readlink = findSystemTool('readlink')!
  const { argv } = trees.launch({ argv: [readlink, '/proc/self'], realPath: readlink, cwd: '/', writable: '/' })
  const { stdout } = spawnSync(argv[0], argv.slice(1), {
    ...ids,
    env: {},
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  return { flags: argv.join(' '), pid: stdout.trim() }
}

const without = (missing: string) => (name: string) => (name === missing ? undefined : findSystemTool(name))

it.skipIf(isMissing)('puts timeout, or a second bubblewrap, before the command', () => {
  expect(launched(found)).toMatchObject({
    flags: expect.stringContaining('timeout --foreground 0') as string,
    pid: '2',
  })
  const nested = launched(createNamespaceTrees(options, without('timeout')))
  expect(nested.flags).toMatch(/bwrap .* -- \S*bwrap .* -- \S*readlink/)
  expect(nested.pid).toBe('2')
})

it.skipIf(isMissing || process.getuid?.() !== 0)('does so for another user too', () => {
  const ids = { uid: 65534, gid: 65534 }
  expect(launched(createNamespaceTrees({ ...options, ...ids }), ids).pid).not.toBe('1')
  expect(launched(createNamespaceTrees({ ...options, ...ids }, without('timeout')), ids).pid).not.toBe('1')
})

it.skipIf(isMissing)('sees that a timeout does not stay, as that of busybox', () => {
  const directory = mkdtempSync(join(tmpdir(), 'capsule-timeout-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const timeout = join(directory, 'timeout')
  writeFileSync(timeout, '#!/bin/sh\nshift 2\nexec "$@"\n')
  chmodSync(timeout, 0o755)
  const trees = createNamespaceTrees(options, (name) => (name === 'timeout' ? timeout : findSystemTool(name)))
  expect(launched(trees).pid).toBe('2')
  expect(launched(trees).flags).not.toContain('timeout')
})

it.skipIf(isMissing)('does not fail when the first process goes in the moment it is killed', () => {
  const status = new PassThrough()
  const child = { pid: process.ppid, exitCode: null, signalCode: null, stdio: [null, null, null, status] }
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' })
  })
  onTestFinished(() => kill.mockRestore())
  const trees = found as ProcessTrees
  const tree = trees.watch(child as unknown as ChildProcess, { argv: [''], env: {}, moreStdio: [] })
  status.write(`{ "child-pid": ${process.pid}, "mnt-namespace": 1 }`)
  status.read()
  tree.kill()
  expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']])
})

it('says what is missing', () => {
  const reason = (name: string) => createNamespaceTrees(options, without(name))
  const expected = process.platform === 'linux' ? /bwrap. is not installed/ : /has no namespaces/
  expect(reason('bwrap')).toMatchObject({ reason: expect.stringMatching(expected) as string })
})
