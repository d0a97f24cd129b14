import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

const file = new URL('confinement.ts', import.meta.url)

/** In a process of its own: what it does to one cannot be undone. */
function run(code: string, flags: readonly string[] = []): unknown {
  const program = `import * as confinement from ${JSON.stringify(file.href)}
import { writeSync } from 'node:fs'
const attempt = (act) => { try { return act() ?? 'done' } catch (error) { return error.code ?? error.message } }
${code}`
  const args = [...flags, '--no-warnings', '--input-type=module', '-e', program]
  return JSON.parse(execFileSync(process.execPath, args, { env: {}, encoding: 'utf8' }))
}

describe('dropGrants', () => {
  const flags = ['--permission', '--allow-worker', '--allow-inspector', `--allow-fs-read=${file.pathname}`]

  it('gives up grants and files', () => {
    expect(
      run(
        `const { readFileSync } = await import('node:fs')
const name = ${JSON.stringify(file.pathname)}
const look = () => [process.permission.has('worker'), process.permission.has('inspector'), attempt(() => readFileSync(name).length > 0)]
const before = look()
confinement.dropGrants({ grants: ['worker', 'inspector'], files: [name] })
writeSync(1, JSON.stringify([confinement.isConfined, before, look()]))`,
        flags,
      ),
    ).toEqual([true, [true, true, true], [false, false, 'ERR_ACCESS_DENIED']])
  })

  it('throws where Node cannot', () => {
    expect(
      run(
        `process.permission.drop = undefined
writeSync(1, JSON.stringify(attempt(() => confinement.dropGrants({ grants: ['worker'], files: [] }))))`,
        flags,
      ),
    ).toMatch(/cannot give up the permission 'worker'/)
  })

  it('does nothing without the permission model', () => {
    expect(
      run(`writeSync(1, JSON.stringify([confinement.isConfined,
  attempt(() => confinement.dropGrants({ grants: ['worker'], files: ['/etc/passwd'] }))]))`),
    ).toEqual([false, 'done'])
  })
})

it('unwrapConsole hides the console from the inspector and leaves it as it is otherwise', () => {
  const answer = run(`const { Session } = await import('node:inspector')
let printed = ''
process.stdout.write = (text) => { printed += text; return true }
const session = new Session()
session.connect()
session.post('Runtime.enable')
let shown = 0
session.on('Runtime.consoleAPICalled', () => shown++)
const names = () => Object.keys(console).filter((name) => console[name]?.name !== name)
const namesBefore = names()
console.log('a %d', 1)
const before = shown
confinement.unwrapConsole()
console.log('a %d', 1)
console.group()
console.table([{ b: 2 }])
console.groupEnd()
const { log } = console
log('c')
writeSync(1, JSON.stringify({ before, after: shown, printed, isNamed: JSON.stringify(names()) === JSON.stringify(namesBefore) }))
process.exit()`)
  expect(answer).toMatchObject({ before: 1, after: 1, isNamed: true })
  const { printed } = answer as { printed: string }
  expect(printed.split('\n').slice(0, 2)).toEqual(['a 1', 'a 1'])
  expect(printed).toMatch(/\n {2}┌.*\n {2}│ \(index\) │ b │\n[^]*\nc\n$/)
})
