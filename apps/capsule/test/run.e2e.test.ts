import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capsule, CapsuleProcess, type Ended, hasPseudoTerminal, tour } from './capsule-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'capsule-run-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const jsonLines = ({ stdout }: Ended): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const tourLine = (text: string): number =>
  readFileSync(tour, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

/** Checks what the tour prints, and returns its exit code. */
function checkTour({ code, stdout }: Ended, name: string): number | null {
  expect(stdout).toContain('the answer is 42')
  expect(stdout).toContain("Map(1) { 'bindings persist' => 42 }")
  expect(stdout).toContain("{ place: 'Lagos', celsius: 31, level: 10 }")
  expect(stdout).toContain('step 3 of 3')
  expect(stdout).toContain(`Welcome, ${name}!`)
  expect(stdout).toMatch(/Lagos {2}█{30} 31 °C/)
  expect(stdout.indexOf('the cell is over')).toBeLessThan(stdout.indexOf('(late, from the cell before)'))
  expect(stdout).toContain(`RangeError: too far at risky (${tour}:${tourLine('throw new RangeError')}:9)`)
  expect(stdout).toContain("'kept'")
  expect(stdout).toContain('end of the tour')
  return code
}

describe('the tour', () => {
  it('runs with an answer from a pipe', async () => {
    const ended = await capsule(['run', tour], 'Ada\n')
    expect(checkTour(ended, 'Ada')).toBe(0)
    // the one error is the one that is meant, at its place
    expect(ended.stderr).toMatch(/tour\.ts:\d+ \(An error that is expected\) did not end well: error/)
    expect(ended.stderr).toContain(`> ${tourLine('Atlantis')} | readings.find`)
  })

  it('runs with standard input at its end', async () => {
    expect(checkTour(await capsule(['run', tour]), 'stranger')).toBe(0)
  })

  it.skipIf(!hasPseudoTerminal)('runs in a terminal (skipped without script(1))', async () => {
    await using running = new CapsuleProcess(['run', tour], { terminal: true, env: { NO_COLOR: '1' } })
    await running.sees('Your name? ')
    running.type('Ada\r')
    await running.sees('Welcome, Ada!')
    expect(checkTour(await running.ended(), 'Ada')).toBe(0)
  })

  it('is told in JSON lines, the summary last', async () => {
    const lines = jsonLines(await capsule(['run', tour, '--json'], 'Ada\n'))
    const outcomes = lines.filter(({ type }) => type === 'outcome')
    expect(outcomes[0]).toMatchObject({ index: 0, file: tour, title: 'Values', status: 'ok', value: 42, text: '42' })
    expect(lines.find(({ type }) => type === 'input-request')).toMatchObject({ prompt: 'Your name? ' })
    const late = lines.find(({ late: isLate }) => isLate === true)
    const cause = outcomes.find(({ title }) => String(title).startsWith('Late output'))
    expect(late).toMatchObject({ type: 'output', index: cause?.['index'], executionId: cause?.['executionId'] })
    expect(lines.at(-1)).toMatchObject({ type: 'summary', status: 'ok', exitCode: 0, ran: outcomes.length, failed: 0 })
  })
})

describe('exit codes', () => {
  it.each([
    ['ok', '1 + 1', 0, '2\n', ''],
    ['an error', 'null.x', 1, '', 'TypeError'],
    ['a syntax error', 'const = 1', 1, '', '[stdin]:1'],
    [
      'an uncaught error',
      'setTimeout(() => { throw new Error("later") }); await new Promise((r) => setTimeout(r, 50))',
      1,
      '',
      'later',
    ],
    ['process.exit()', 'process.exit(3)', 70, '', 'exited with code 3'],
    ['a kill', 'process.kill(process.pid, "SIGKILL"); while (true) {}', 70, '', 'was killed by SIGKILL'],
  ])('tell %s', async (_title, code, exitCode, stdout, stderr) => {
    const ended = await capsule(['run', '-'], code)
    expect(ended).toMatchObject({ code: exitCode, stdout })
    expect(ended.stderr).toContain(stderr)
    expect(ended.stderr === '').toBe(exitCode === 0)
  })

  it('tell a time-out', async () => {
    const ended = await capsule(['run', '-', '--timeout', '200'], 'while (true) {}')
    expect(ended.code).toBe(124)
    expect(ended.stderr).toContain('Timed out')
    expect(ended.stderr).toContain('are kept')
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('tell a cancel by %s', async (signal) => {
    const path = file('loop.js', 'console.log("go")\nwhile (true) {}\n// %%\nconsole.log("never")')
    await using running = new CapsuleProcess(['run', path])
    await running.sees('go')
    running.child.kill(signal)
    const ended = await running.ended()
    expect(ended.code).toBe(130)
    expect(ended.stdout).not.toContain('never')
    expect(ended.stderr).toContain('Cancelled')
  })

  it.skipIf(!hasPseudoTerminal)('tell a cancel by Ctrl-C, also at a prompt (skipped without script(1))', async () => {
    for (const [code, shown] of [
      ['console.log("go"); while (true) {}', 'go'],
      ['await input("Well? ")', 'Well? '],
    ] as const) {
      await using running = new CapsuleProcess(['run', file('stop.js', code)], { terminal: true })
      await running.sees(shown)
      running.type('\x03')
      expect((await running.ended()).code).toBe(130)
    }
  })

  it.each([
    [['run'], 'at least one FILE'],
    [['run', 'no-such-file.ts'], 'cannot read no-such-file.ts: no such file'],
    [['run', '.', '--json'], 'it is a directory'],
    [['run', '-', '--jsno'], '--jsno'],
    [['run', '-', '--cwd', 'no-such-folder'], '--cwd: no-such-folder is no directory'],
    [['nonsense'], "unknown command 'nonsense'"],
    [[], 'capsule run -'],
  ])('tell wrong usage: %j', async (args, message) => {
    const ended = await capsule(args, '1')
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(message)
  })
})

describe('run', () => {
  it('keeps one session over several files, of any kind', async () => {
    const one = file('one.js', 'const list = [1]')
    const two = file('two.ts', '// %%\nlist.push(2 as number)\n// %%\nlist.push(3)')
    const three = file(
      'three.md',
      '# Notes\n\n```ts\nlist.push(4 as number)\n```\n\n```sh\nexit 1\n```\n\n```js\nlist\n```\n',
    )
    expect(await capsule(['run', one, two, three])).toMatchObject({ code: 0, stdout: '2\n3\n4\n[ 1, 2, 3, 4 ]\n' })
  })

  it('names the line of the file, in a cell, a Markdown block and standard input', async () => {
    const cells = file('cells.ts', 'let a: number\n// %%\n\nthrow new Error("here")')
    expect((await capsule(['run', cells])).stderr).toMatch(/cells\.ts:4:7/)
    const notes = file('notes.md', '# Notes\n\n```js\nthrow new Error("here")\n```\n')
    expect((await capsule(['run', notes])).stderr).toMatch(/notes\.md:4:7/)
    expect((await capsule(['run', '-'], '\nthrow new Error("here")')).stderr).toMatch(/\[stdin\]:2:7/)
  })

  it('resolves imports of a file from its folder, and the session from --cwd', async () => {
    file('side.mjs', 'export const side = 1')
    const main = file('importer.js', 'import { side } from "./side.mjs"\n`${side} ${process.cwd()}`')
    const { stdout } = await capsule(['run', main, '--cwd', '/'], '', { cwd: tmpdir() })
    expect(stdout).toBe("'1 /'\n")
  })

  it('ends a prompt of code that came from standard input', async () => {
    const code = 'const answer = await input("? ").catch(({ code }) => code)\n// %%\nanswer'
    expect(await capsule(['run', '-'], code)).toMatchObject({ code: 0, stdout: "? \n'INPUT_EOF'\n" })
  })

  it('answers a synchronous prompt', async () => {
    const path = file('sync.js', 'prompt("Sync? ")')
    expect(await capsule(['run', path], 'yes\n')).toMatchObject({ code: 0, stdout: "Sync? \n'yes'\n" })
  })

  it('goes on with --keep-going, after a crash with a fresh session', async () => {
    const path = file(
      'going.js',
      'const kept = 1\n// %%\nnull.x\n// %%\nkept\n// %%\nprocess.exit(3)\n// %%\ntypeof kept',
    )
    const { code, stdout, stderr } = await capsule(['run', path, '--keep-going'])
    expect(stdout).toBe("1\n'undefined'\n")
    expect(stderr).toContain('The bindings of this session are lost.')
    expect(code).toBe(1)
  })

  it('gives both streams of --json and values that JSON has no form for', async () => {
    const code = 'console.error("oops"); new Map([["a", 1n]])'
    const lines = jsonLines(await capsule(['run', '-', '--json'], code))
    expect(lines).toMatchObject([
      { type: 'output', stream: 'stderr', text: 'oops\n', index: 0, file: '[stdin]' },
      {
        type: 'outcome',
        status: 'ok',
        state: 'kept',
        text: "Map(1) { 'a' => 1n }",
        value: { $type: 'Map', entries: [['a', { $type: 'bigint', value: '1' }]] },
      },
      { type: 'summary', status: 'ok', exitCode: 0 },
    ])
  })

  it.each(['threaded', 'async'])('runs on the %s executor', async (executor) => {
    expect(await capsule(['run', '-', '--executor', executor], 'await Promise.resolve(5)')).toMatchObject({
      code: 0,
      stdout: '5\n',
    })
  })

  it('ends quietly when nobody reads', async () => {
    const path = file('flood.js', 'while (true) console.log("x".repeat(100))')
    await using running = new CapsuleProcess(['run', path])
    await running.sees('x')
    running.child.stdout?.destroy()
    expect(await running.ended()).toMatchObject({ code: 0, stderr: '' })
  })
})
