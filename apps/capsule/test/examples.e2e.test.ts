import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { capsule, examples } from './capsule-process.ts'

const says: Readonly<Record<string, readonly string[]>> = {
  cancel: [
    'a pending await: cancelled (cooperative), state kept',
    'an endless loop: cancelled (terminated), state kept',
    'a loop that will not end: cancelled (terminated), state kept',
    "the binding made before: 'still here'",
  ],
  'crash-recovery': [
    'crashed, state lost, exit code 3, signal null',
    'signal SIGKILL',
    'signal SIGABRT',
    "is now 'undefined'",
    'worker 2 has taken over',
  ],
  durable: [
    'host 1: attempt 1 begins',
    'host 1: question 1: Pay whom?',
    'host 1: the bank is told to pay Ada',
    'host 1: question 2: Archive the receipt?',
    'host 1 ended: SIGKILL',
    "host 2: attempt 2 begins\n  host 2: question 2: Archive the receipt? \n  host 2: ok: 'paid Ada, yes', by attempt 2",
    "host 2: the same id again: 'paid Ada, yes', from the record",
    'host 2 ended: exit code 0',
  ],
  hello: ['computed\nok 42'],
  input: ['Name? Ada', 'Year? 1843', 'Anything else? (end of input)', "ok: 'Ada, 1843, INPUT_EOF'"],
  'late-output': [
    'late, from first: a timer of the first cell',
    'late, from second: thrown by a timer of the second cell',
    'third: the third was running all along',
  ],
  state: [
    'ada       restored',
    'timer     skipped (open-handle: a Timeout)',
    "crashed, state rolled-back to 'payday'",
    'balance 100, ada is an Account: true',
    'error (overdrawn), state rolled-back',
    'nextId    skipped (local-closure',
    "balance 100, audit is 'undefined'",
    'fork 107, original 170',
    'kept in a checkpoint',
    'restored (replace) 4 bindings, balance 100',
  ],
  capabilities: [
    'file: buy milk',
    'server: { price: 2 }',
    'command: UTC',
    'approved files.write: write 7 bytes to work:/list.txt',
    'refused files.read by no-secrets: CAPABILITY_DENIED (read work:/secret/key)',
    'refused http.fetch by get-twice: HTTP_HOST_NOT_ALLOWED (GET http://169.254.169.254/latest/meta-data)',
    'refused http.fetch by default: CAPABILITY_DENIED (HEAD',
    'refused http.fetch by get-twice: CAPABILITY_BUDGET_EXCEEDED',
    'refused shell.run by run: SHELL_ARGUMENTS_INVALID (date "--set" "now")',
  ],
  pool: [
    'a worker died while leased (SIGKILL)',
    '200 jobs done, 0 wrong answers',
    'leases     210 given, 210 given back, 0 out',
    'crashes    10 in use, 0 idle, 0 in a reset; 10 repaired',
    'breaker    closed, opened 0 times',
  ],
  streaming: ['stdout: "step 3\\n"', 'stderr: "done\\n"', 'ok: "the value" after'],
}
const programs = readdirSync(examples)
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => name !== 'tour')

describe('example', () => {
  it('lists every program with its first line', async () => {
    const { code, stdout } = await capsule(['example'])
    expect(code).toBe(0)
    for (const name of programs) expect(stdout).toMatch(new RegExp(`^${name} +[A-Z].+[.:]`, 'm'))
    expect(programs.sort()).toEqual(Object.keys(says).sort())
  })

  it.each(programs)('runs %s', { timeout: 45_000 }, async (name) => {
    // some start several hosts
    const { code, stdout, stderr } = await capsule(['example', name], '', { deadlineMs: 40_000 })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const text of says[name] ?? []) expect(stdout).toContain(text)
  })

  it.each(programs)('keeps %s short', (name) => {
    expect(readFileSync(join(examples, `${name}.ts`), 'utf8').split('\n').length).toBeLessThan(70)
  })

  it('refuses a name it does not know, and says what the tour is', async () => {
    expect(await capsule(['example', '../src/main'])).toMatchObject({ code: 2, stdout: '' })
    expect((await capsule(['example', 'tour'])).stderr).toContain('capsule run')
  })

  it('answers help and --version', async () => {
    expect(await capsule(['help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--keep-going') as string,
    })
    expect(await capsule(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^capsule \d+\.\d+\.\d+\n$/) as string,
    })
  })
})
