import { existsSync } from 'node:fs'
import { chmod, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shell, type ShellOptions } from '@capsule/providers-shell'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyArguments, hasNamespaces, openShell, treeKills } from './open-shell.ts'

const sh = { path: '/bin/sh', args: anyArguments }
const system = ['/usr', '/bin', '/lib', '/lib64', '/etc/alternatives'].filter((path) => existsSync(path))

async function newDirectory(): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'capsule-shell-test-')))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe.skipIf(!hasNamespaces)('mounts', () => {
  it('shows a command what it names, read-only, and the directory it works in', async () => {
    const [root, other] = [await newDirectory(), await newDirectory()]
    await writeFile(join(other, 'secret'), 'secret')
    const options: ShellOptions = { commands: { sh }, root, mounts: { readOnly: system } }
    const { run } = openShell(options)
    const script = `cat ${other}/secret; echo x > /usr/x; echo x > /x; echo x > /dev/x; echo x > /tmp/x && echo y > kept; ls /`
    const { stdout, stderr } = await run({ command: 'sh', args: ['-c', script] })
    expect(stdout.split('\n')).not.toContain('home')
    expect(stdout).not.toContain('secret')
    expect(stderr.match(/Read-only file system/g)).toHaveLength(3)
    expect(stderr).toContain('No such file or directory')
    expect(existsSync(join(root, 'kept'))).toBe(true)
    expect(existsSync('/tmp/x')).toBe(false)
    // and without them it is all there
    const open = openShell({ commands: { sh }, root })
    expect(await open.run({ command: 'sh', args: ['-c', `cat ${other}/secret`] })).toMatchObject({ stdout: 'secret' })
  })

  it('works in a temporary directory too, and with a program that is elsewhere', async () => {
    const directory = await newDirectory()
    const path = join(directory, 'tool')
    await writeFile(path, '#!/bin/sh\necho "$PWD"; echo x > y; cat y; ls -a\n', { mode: 0o755 })
    await chmod(directory, 0o755)
    const { run } = openShell({ commands: { tool: { path } }, mounts: { readOnly: system } })
    const { stdout } = await run({ command: 'tool' })
    expect(stdout).toMatch(/^\/.*capsule-shell-.*\nx\n\.\n\.\.\ny\n$/)
    expect(existsSync(stdout.split('\n')[0]!)).toBe(false)
  })

  it('are refused at once where the system programs cannot run in them', () => {
    expect(() => shell({ commands: { sh }, mounts: { readOnly: ['/etc'] } })).toThrow(
      expect.objectContaining({ code: 'SHELL_TREE_KILL_UNAVAILABLE' }),
    )
  })
})

describe.skipIf(!hasNamespaces)('network: false', () => {
  it('leaves a command its own loopback only', async () => {
    const server = createServer((socket) => socket.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const script = `require('net').connect(${port}, '127.0.0.1').on('error', (error) => console.log(error.code)).pipe(process.stdout)`
    const commands = { node: { path: process.execPath, args: anyArguments } }
    const call = { command: 'node', args: ['-e', script] }
    expect(await openShell({ commands }).run(call)).toMatchObject({ stdout: 'hello' })
    expect(await openShell({ commands, network: false }).run(call)).toMatchObject({ stdout: 'ECONNREFUSED\n' })
  })
})

describe.skipIf(!hasNamespaces)('a namespace', () => {
  it('shows a command no process but its own, and no capability', async () => {
    const { run } = openShell({ commands: { sh } })
    const script = `ls /proc | grep -c '^[0-9]'; grep CapEff /proc/self/status; umount /proc; kill -9 ${process.pid}`
    const { stdout, stderr } = await run({ command: 'sh', args: ['-c', script] })
    const [count, capabilities] = stdout.split('\n')
    // init, sh, ls, grep
    expect(Number(count)).toBeLessThanOrEqual(4)
    expect(capabilities).toMatch(/\t0+$/)
    expect(stderr).toMatch(/umount|must be superuser|not permitted/i)
    expect(stderr).toMatch(/No such process/)
  })
})

describe.for(treeKills.filter(({ isHere }) => isHere))('limits of processes, $treeKill', ({ treeKill }) => {
  it.skipIf(process.platform !== 'linux')('are set for the command', async () => {
    const { run } = openShell({
      commands: { sh },
      treeKill,
      processLimits: { cpuSeconds: 7, fileBytes: 512_000, openFiles: 33, addressSpaceBytes: 2 ** 33 },
      nice: 5,
    })
    const { stdout } = await run({ command: 'sh', args: ['-c', 'ulimit -t; ulimit -f; ulimit -n; ulimit -v; nice'] })
    expect(stdout.split('\n').slice(0, 5)).toEqual(['7', '1000', '33', String(2 ** 23), expect.stringMatching(/^\d+$/)])
    expect(Number(stdout.split('\n')[4])).toBeGreaterThanOrEqual(5)
  })

  it.skipIf(process.getuid?.() !== 0)('leave the rights of root behind, with uid and gid', async () => {
    const { run } = openShell({ commands: { sh }, treeKill, uid: 65534, gid: 65534 })
    const { stdout, stderr } = await run({
      command: 'sh',
      args: ['-c', 'id -u; id -g; touch here && ls; pwd; cat /etc/shadow'],
    })
    const [uid, gid, file, path] = stdout.split('\n')
    expect([uid, gid, file]).toEqual(['65534', '65534', 'here'])
    expect(stderr).toContain('Permission denied')
    await expect(stat(path!)).rejects.toThrow(/ENOENT/)
  })
})
