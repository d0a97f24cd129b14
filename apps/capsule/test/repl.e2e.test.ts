import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CapsuleProcess, hasPseudoTerminal } from './capsule-process.ts'

const plain = { terminal: true, env: { NO_COLOR: '1' } }

async function openRepl(options: ConstructorParameters<typeof CapsuleProcess>[1] = plain): Promise<CapsuleProcess> {
  const repl = new CapsuleProcess([], options)
  await repl.sees('1> ')
  return repl
}

/** Ctrl-D at the prompt; resolves to the exit code. */
async function leave(repl: CapsuleProcess): Promise<number | null> {
  repl.type('\x04')
  return (await repl.ended()).code
}

describe.skipIf(!hasPseudoTerminal)('the REPL (skipped without script(1))', () => {
  it('shows values and numbers its prompts', async () => {
    await using repl = await openRepl()
    repl.type('const a = 20\r')
    await repl.sees('2> ')
    repl.type('a + 1\r')
    await repl.sees('\n21\r\n')
    await repl.sees('3> ')
    repl.type('Out[2] * 2\r')
    await repl.sees('\n42\r\n')
    expect(await leave(repl)).toBe(0)
  })

  it('goes on in the next line while code is not complete', async () => {
    await using repl = await openRepl()
    repl.type('function twice(x: number) {\r')
    await repl.sees('.. ')
    repl.type('return x * 2\r')
    await repl.sees('.. ')
    repl.type('}\r')
    await repl.sees('2> ')
    repl.type('twice(4)\r')
    await repl.sees('\n8\r\n')
    expect(await leave(repl)).toBe(0)
  })

  it('keeps the session when Ctrl-C cancels a cell', async () => {
    await using repl = await openRepl()
    repl.type('const kept = "still here"\r')
    await repl.sees('2> ')
    for (const cell of ['console.log("go"); while (true) {}', 'console.log("go"); await new Promise(() => {})']) {
      repl.type(`${cell}\r`)
      await repl.sees('\ngo\r\n')
      repl.type('\x03')
      await repl.sees('Cancelled')
      await repl.sees('> ')
    }
    repl.type('kept\r')
    await repl.sees("'still here'")
    expect(await leave(repl)).toBe(0)
  })

  it('answers prompts of cells, and Ctrl-D ends only those', async () => {
    await using repl = await openRepl()
    repl.type('`hello ${await input("Name? ")}`\r')
    await repl.sees('\x1b[0JName? ')
    repl.type('Ada\r')
    await repl.sees("'hello Ada'")
    await repl.sees('2> ')
    repl.type('prompt("Again? ")\r')
    await repl.sees('\x1b[0JAgain? ')
    repl.type('\x04')
    await repl.sees('INPUT_EOF')
    await repl.sees('3> ')
    repl.type('.exit\r')
    expect((await repl.ended()).code).toBe(0)
    // answers are no history
    expect(readFileSync(join(repl.home, '.capsule_history'), 'utf8')).toBe(
      '`hello ${await input("Name? ")}`\nprompt("Again? ")\n.exit\n',
    )
  })

  it('shows late output above the line that is being typed', async () => {
    await using repl = await openRepl()
    repl.type('setTimeout(() => console.log("late" + "ness"), 300); 0\r')
    await repl.sees('2> ')
    repl.type('"half a li')
    await repl.sees('half a li')
    await repl.sees('lateness\r\n')
    await repl.sees('2> "half a li')
    repl.type('ne"\r')
    await repl.sees("'half a line'")
    expect(await leave(repl)).toBe(0)
  })

  it('shows an error with its code, in colour', async () => {
    await using repl = await openRepl({ terminal: true })
    repl.type('const a = 1; missing\r')
    await repl.sees('\x1b[31mReferenceError: missing is not defined\x1b[39m')
    await repl.sees('> 1 | const a = 1; missing')
    await repl.sees('^')
    await repl.sees('2> ')
    expect(await leave(repl)).toBe(0)
  })

  it('uses no colours with NO_COLOR', async () => {
    await using repl = await openRepl()
    repl.type('missing\r')
    await repl.sees('ReferenceError')
    await repl.sees('2> ')
    repl.type('\x04')
    // eslint-disable-next-line no-control-regex
    expect((await repl.ended()).stdout).not.toMatch(/\x1b\[3\d/)
  })

  it('completes names', async () => {
    await using repl = await openRepl()
    repl.type('const unmistakable = 7\r')
    await repl.sees('2> ')
    repl.type('unmis\t')
    await repl.sees('unmistakable')
    repl.type('\r')
    await repl.sees('\n7\r\n')
    expect(await leave(repl)).toBe(0)
  })

  it('says when the bindings are lost', async () => {
    await using repl = await openRepl()
    repl.type('const kept = 1\r')
    await repl.sees('2> ')
    repl.type('process.exit(3)\r')
    await repl.sees('exited with code 3')
    await repl.sees('bindings of this session are lost')
    await repl.sees('1> ')
    repl.type('typeof kept\r')
    await repl.sees("'undefined'")
    await repl.sees('2> ')
    repl.type('.restart\r')
    await repl.sees('are lost')
    await repl.sees('1> ')
    expect(await leave(repl)).toBe(0)
  })

  it('says when the worker dies between cells', async () => {
    await using repl = await openRepl()
    repl.type('setTimeout(() => process.exit(4), 200); 0\r')
    await repl.sees('2> ')
    await repl.sees('exited with code 4')
    await repl.sees('1> ')
    repl.type('1 + 1\r')
    await repl.sees('\n2\r\n')
    expect(await leave(repl)).toBe(0)
  })

  it('knows its dot-commands', async () => {
    await using repl = await openRepl()
    repl.type('const a = [1]\r')
    await repl.sees('2> ')
    repl.type('.bindings\r')
    await repl.sees('const    a  Array: ')
    repl.type('.info\r')
    await repl.sees('Node v2')
    repl.type('.help\r')
    await repl.sees('.load FILE')
    repl.type('.nonsense\r')
    await repl.sees('unknown command .nonsense')
    repl.type('.load no-such-file.ts\r')
    await repl.sees('no such file')
    await repl.sees('2> ')
    repl.type('.5 + 1\r')
    await repl.sees('\n1.5\r\n')
    expect(await leave(repl)).toBe(0)
  })

  it('drops what is typed on Ctrl-C, and leaves on the second at an empty prompt', async () => {
    await using repl = await openRepl()
    repl.type('const abandoned = {\r')
    await repl.sees('.. ')
    repl.type('x: 1\x03')
    await repl.sees('1> ')
    repl.type('\x03')
    await repl.sees('Ctrl-C again')
    await repl.sees('1> ')
    repl.type('\x03')
    expect((await repl.ended()).code).toBe(0)
  })
})
