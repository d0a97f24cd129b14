import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { coreErrors } from '@capsule/core'
import { capabilityBody } from '@capsule/provider-sdk'
import { argv, literal, oneOf, option, rest, shellErrors, text } from '@capsule/providers-shell'
import { waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyArguments, openShell, treeKills } from './open-shell.ts'

const sh = { path: '/bin/sh', args: anyArguments }
const cat = { path: '/bin/cat' }

async function newDirectory(): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'capsule-shell-test-')))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe.for(treeKills.filter(({ isHere }) => isHere))('shell.run, $treeKill', ({ treeKill }) => {
  it('gives the exit code and both outputs', async () => {
    const { run, facts } = openShell({ commands: { sh }, treeKill })
    expect(await run({ command: 'sh', args: ['-c', 'echo out; echo err >&2; exit 3'] })).toEqual({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      durationMs: expect.any(Number) as number,
    })
    expect(facts).toMatchObject([{ exitCode: 3, outputBytes: 8 }])
  })

  it('tells a signal as shells do', async () => {
    const { run } = openShell({ commands: { sh }, treeKill })
    const signal = treeKill === 'group' ? 'SIGTERM' : null
    expect(await run({ command: 'sh', args: ['-c', 'kill -TERM $$'] })).toMatchObject({ exitCode: 143, signal })
  })

  it('brings every argument to the program verbatim and as one, and none to a shell', async () => {
    const { run } = openShell({
      commands: { print: { path: '/usr/bin/printf', args: argv([literal('%s\\0'), rest(text())]) } },
      treeKill,
    })
    const nasty = fc.constantFrom(
      '$(id)',
      '`id`',
      '; id',
      '*',
      '~',
      '$HOME',
      '\n',
      '\r',
      '"',
      "'",
      '\\',
      ' ',
      '&&',
      '|',
      '>',
      '%PATH%',
      '\u{1f600}',
      '--',
    )
    const argument = fc
      .oneof(
        fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      )
      .filter((each) => !each.startsWith('-') && !each.includes('\0') && each.isWellFormed())
    await fc.assert(
      fc.asyncProperty(fc.array(argument, { minLength: 1, maxLength: 100 }), async (args) => {
        const { stdout, exitCode } = await run({ command: 'print', args: ['%s\\0', ...args] })
        expect(exitCode).toBe(0)
        expect(stdout.split('\0')).toEqual([...args, ''])
      }),
      { numRuns: 15 },
    )
  })

  it('makes the environment from scratch', async () => {
    process.env['CAPSULE_TEST_SECRET'] = 'leaked'
    onTestFinished(() => void delete process.env['CAPSULE_TEST_SECRET'])
    const env = { path: '/usr/bin/env', env: { LANG: 'C', TOKEN: 'a b\n$c' } }
    const { run } = openShell({ commands: { env }, treeKill, root: await newDirectory() })
    const { stdout } = await run({ command: 'env' })
    const mark = /^CAPSULE_SHELL_CALL=[0-9a-f-]{36}\n/m
    expect(mark.test(stdout)).toBe(treeKill === 'group')
    const cwd = /^PWD=(.*)$/m.exec(stdout)?.[1]
    expect(stdout.replace(mark, '')).toBe(
      `PATH=/usr/local/bin:/usr/bin:/bin\nLANG=C\nHOME=${cwd}\nPWD=${cwd}\nTOKEN=a b\n$c\n`,
    )
  })

  it('opens nothing but 0, 1 and 2 for it', async () => {
    const { run } = openShell({ commands: { sh }, treeKill })
    // the shell's own; what the test runner inherited is /dev/null in its commands
    const { stdout } = await run({ command: 'sh', args: ['-c', 'for fd in /proc/$$/fd/*; do readlink -v $fd; done'] })
    const [input, ...others] = stdout.trim().split('\n')
    expect(input).toBe('/dev/null')
    expect(others.filter((target) => target !== '/dev/null')).toEqual([
      expect.stringMatching(/^(?:socket|pipe):/),
      expect.stringMatching(/^(?:socket|pipe):/),
    ])
  })

  it.skipIf(process.platform !== 'linux')('does not pass on what the host inherited', async () => {
    const file = openSync(process.execPath, 'r')
    onTestFinished(() => closeSync(file))
    const script = join(import.meta.dirname, 'fixtures/shell-host.fixture.ts')
    const call = { command: 'sh', args: ['-c', 'readlink /proc/$$/fd/40; readlink /proc/$PPID/fd/40'] }
    const host = spawnSync(
      process.execPath,
      ['--conditions=@capsule/source', '--no-warnings', script, treeKill, JSON.stringify(call)],
      {
        env: {},
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit', ...Array.from({ length: 37 }, () => 'ignore' as const), file],
      },
    )
    const { stdout } = JSON.parse(host.stdout) as { stdout: string }
    const [ofCommand, ofParent] = stdout.split('\n')
    expect(ofCommand).toBe('/dev/null')
    // of the first process of the namespace, or of the host
    expect(ofParent).toBe(treeKill === 'namespace' ? '/dev/null' : realpathSync(process.execPath))
  })

  it('works in an empty directory that is gone afterwards, with what it wrote', async () => {
    const { run } = openShell({ commands: { sh }, treeKill })
    const { stdout } = await run({ command: 'sh', args: ['-c', 'pwd; ls -A; mkdir a; touch a/b'] })
    const path = stdout.trim()
    expect(path).toContain('capsule-shell-')
    expect(() => readdirSync(path)).toThrow(/ENOENT/)
  })

  it('works in the root, and below it where the call says so', async () => {
    const root = await newDirectory()
    mkdirSync(join(root, 'sub'))
    const { run } = openShell({ commands: { sh }, treeKill, root })
    expect(await run({ command: 'sh', args: ['-c', 'pwd'] })).toMatchObject({ stdout: `${root}\n` })
    expect(await run({ command: 'sh', args: ['-c', 'pwd'], cwd: 'sub' })).toMatchObject({ stdout: `${root}/sub\n` })
    expect(readdirSync(root)).toEqual(['sub'])
  })

  it('reads its input, of text, bytes and streams, and no input as an empty one', async () => {
    const { run } = openShell({ commands: { cat }, treeKill })
    expect(await run({ command: 'cat' })).toMatchObject({ stdout: '' })
    expect(await run({ command: 'cat', input: '' })).toMatchObject({ stdout: '' })
    expect(await run({ command: 'cat', input: 'häää' })).toMatchObject({ stdout: 'häää' })
    expect(await run({ command: 'cat', input: Buffer.from('abc') })).toMatchObject({ stdout: 'abc' })
    const body = (async function* () {
      for (const part of ['a', 'b', 'c']) yield Buffer.from(part)
    })()
    expect(await run({ command: 'cat', input: capabilityBody }, { body })).toMatchObject({ stdout: 'abc' })
  })

  it('brings binary output whole', async () => {
    const { run } = openShell({ commands: { cat }, treeKill })
    const input = Uint8Array.from({ length: 100_000 }, (_, at) => at * 7)
    const { stdout } = await run({ command: 'cat', input, encoding: 'bytes' })
    expect(Buffer.compare(stdout as never, input)).toBe(0)
    expect(await run({ command: 'cat', input: Uint8Array.of(97, 0xff, 98) })).toMatchObject({ stdout: 'a\ufffdb' })
  })

  it('is not hurt by a program that reads no input', async () => {
    const { run } = openShell({ commands: { true: { path: '/bin/true' } }, treeKill })
    expect(await run({ command: 'true', input: 'x'.repeat(1_000_000) })).toMatchObject({ exitCode: 0 })
    const never = (async function* () {
      yield Buffer.alloc(100_000)
      await new Promise(() => {})
    })()
    expect(await waitFor(run({ command: 'true', input: capabilityBody }, { body: never }))).toMatchObject({
      exitCode: 0,
    })
  })

  it('refuses input over the limit, and ends a command that a stream of it is for', async () => {
    const { run } = openShell({ commands: { cat: { ...cat, maxInputBytes: 10 } }, treeKill })
    const tooLarge = { code: 'SHELL_INPUT_TOO_LARGE', message: expect.stringContaining('10 bytes') as string }
    await expect(run({ command: 'cat', input: 'x'.repeat(11) })).rejects.toMatchObject(tooLarge)
    expect(await run({ command: 'cat', input: 'x'.repeat(10) })).toMatchObject({ stdout: 'x'.repeat(10) })
    const endless = (async function* () {
      for (;;) yield Buffer.from('abc')
    })()
    await expect(run({ command: 'cat', input: capabilityBody }, { body: endless })).rejects.toMatchObject(tooLarge)
  })

  it('ends a command whose input fails, with that error', async () => {
    const { run } = openShell({ commands: { cat }, treeKill })
    const failing = (async function* () {
      yield Buffer.from('abc')
      throw shellErrors.SHELL_CWD_INVALID({ cwd: 'x', rule: 'any typed error' })
    })()
    await expect(run({ command: 'cat', input: capabilityBody }, { body: failing })).rejects.toMatchObject({
      code: 'SHELL_CWD_INVALID',
    })
  })

  it('keeps the first part of too much output, cut at a character', async () => {
    const { run } = openShell({ commands: { cat: { ...cat, maxOutputBytes: 8 } }, treeKill })
    const { stdout, truncated, exitCode } = await run({ command: 'cat', input: 'aääää' })
    expect({ stdout, truncated, exitCode }).toEqual({ stdout: 'aäää', truncated: true, exitCode: 0 })
    expect(await run({ command: 'cat', input: 'aäää' })).not.toHaveProperty('truncated')
  })

  it('does not gather a flood', async () => {
    const yes = { path: '/usr/bin/yes', args: anyArguments, maxOutputBytes: 1000, timeoutMs: 1500 }
    const { run } = openShell({ commands: { yes, fail: { ...yes, overflow: 'fail', timeoutMs: 30_000 } }, treeKill })
    const before = process.memoryUsage().rss
    await expect(run({ command: 'yes' })).rejects.toMatchObject({ code: 'SHELL_TIMED_OUT' })
    // gigabytes have come through
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    await expect(waitFor(run({ command: 'fail' }))).rejects.toMatchObject({
      code: 'SHELL_OUTPUT_TOO_LARGE',
      message: 'fail wrote more than 1000 bytes to stdout (maxOutputBytes of the command) and was ended',
    })
  })

  it('ends a command at its deadline', async () => {
    const { run } = openShell({ commands: { sh: { ...sh, timeoutMs: 300 } }, treeKill })
    await expect(run({ command: 'sh', args: ['-c', 'trap "" TERM; sleep 60'] })).rejects.toMatchObject({
      code: 'SHELL_TIMED_OUT',
      message: 'sh took longer than 300 ms (timeoutMs of the command) and was ended',
    })
  })

  it('starts nothing for a call that is over already', async () => {
    const { run } = openShell({ commands: { sh }, treeKill })
    const cause = new Error('too late')
    const error = await run({ command: 'sh' }, { signal: AbortSignal.abort(cause) }).catch((reason: unknown) => reason)
    expect(coreErrors.CANCELLED.is(error) && error.cause).toBe(cause)
  })

  it('runs so many at once, and the others when it is their turn', async () => {
    const root = await newDirectory()
    const { run } = openShell({ commands: { sh }, treeKill, root, maxConcurrent: 2 })
    // each sees how many there are with it
    const script = 'touch $$-$1; ls | wc -l; sleep 0.1; rm $$-$1'
    const results = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) => run({ command: 'sh', args: ['-c', script, 'sh', String(n)] })),
    )
    const counts = results.map(({ stdout }) => Number(stdout))
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
  })

  it('makes an exit that is no success an error, where the command says which are', async () => {
    const { run } = openShell({ commands: { sh: { ...sh, exitCodes: [0, 2] } }, treeKill })
    expect(await run({ command: 'sh', args: ['-c', 'exit 2'] })).toMatchObject({ exitCode: 2 })
    await expect(run({ command: 'sh', args: ['-c', 'echo one >&2; echo two >&2; exit 1'] })).rejects.toMatchObject({
      code: 'SHELL_EXIT_UNEXPECTED',
      message: 'sh ended with 1, not with 0 or 2 (exitCodes of the command): two',
    })
  })

  it('refuses what is not declared, and names what is', async () => {
    const status = argv([oneOf(['status', 'log']), option('--short').optional(), rest(text('path'))])
    const { run } = openShell({ commands: { git: { path: '/bin/true', args: status }, cat }, treeKill })
    await expect(run({ command: '/bin/cat' })).rejects.toMatchObject({
      code: 'SHELL_COMMAND_UNKNOWN',
      message: 'the command "/bin/cat" is not allowed; allowed are git, cat',
    })
    for (const command of ['toString', '__proto__', 'git status', '']) {
      await expect(run({ command })).rejects.toMatchObject({ code: 'SHELL_COMMAND_UNKNOWN' })
    }
    const refused = (...args: string[]) => run({ command: 'git', args }).catch((error: Error) => error.message)
    const start = 'the arguments of git are not allowed: args'
    expect(await refused('push')).toBe(`${start}[0] must be one of "status", "log"`)
    expect(await refused('status', 'a', '--output=/etc/passwd')).toBe(`${start}[2] must not begin with -`)
    expect(await refused('status', 'a\0b')).toBe(`${start}[1] must not contain NUL: no program can be given it`)
    expect(await run({ command: 'git', args: ['status', '--short', 'a'] })).toMatchObject({ exitCode: 0 })
  })

  it('refuses a working directory outside of the root', async () => {
    const root = await newDirectory()
    symlinkSync('/', join(root, 'out'))
    symlinkSync('/nowhere', join(root, 'nowhere'))
    writeFileSync(join(root, 'file'), '')
    const rooted = openShell({ commands: { cat }, treeKill, root })
    for (const cwd of ['..', '../..', '/', root, 'out', 'out/etc', 'nowhere', 'file', 'missing', 'a\0b', 'out/../..']) {
      await expect(rooted.run({ command: 'cat', cwd })).rejects.toMatchObject({ code: 'SHELL_CWD_INVALID' })
    }
    await expect(openShell({ commands: { cat }, treeKill }).run({ command: 'cat', cwd: '.' })).rejects.toMatchObject({
      code: 'SHELL_CWD_INVALID',
    })
  })

  it('starts no program that is not the one that was allowed', async () => {
    const directory = await newDirectory()
    const path = join(directory, 'tool')
    const write = (script: string) => writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    await write('echo good')
    await utimes(path, 1, 1)
    const { run } = openShell({ commands: { tool: { path } }, treeKill })
    expect(await run({ command: 'tool' })).toMatchObject({ stdout: 'good\n' })
    const changed = { code: 'SHELL_BINARY_CHANGED', message: expect.not.stringContaining(directory) as string }
    await chmod(path, 0o644)
    await expect(run({ command: 'tool' })).rejects.toMatchObject(changed)
    await chmod(path, 0o755)
    await write('echo evil')
    await expect(run({ command: 'tool' })).rejects.toMatchObject(changed)
    await rm(path)
    symlinkSync('/bin/cat', path)
    await expect(run({ command: 'tool' })).rejects.toMatchObject(changed)
  })

  it('tells that a program could not start, and not where it is', async () => {
    // longer than Linux takes
    const env = { LONG: 'x'.repeat(200_000) }
    const { run } = openShell({ commands: { cat: { ...cat, env } }, treeKill })
    await expect(run({ command: 'cat' })).rejects.toMatchObject({
      code: 'SHELL_SPAWN_FAILED',
      message: 'cat could not be started: E2BIG',
    })
    const root = await newDirectory()
    const rooted = openShell({ commands: { cat }, treeKill, root })
    await rm(root, { recursive: true })
    await expect(rooted.run({ command: 'cat' })).rejects.toMatchObject({
      code: 'SHELL_CWD_INVALID',
      message: expect.not.stringContaining(root) as string,
    })
  })
})
