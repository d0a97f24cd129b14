import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { openProviderLab, setups } from './provider-lab.ts'

// those of docs/distribution.md need an engine: the tests of `capsule worker-host` run them
const execute = promisify(execFile)
const host = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(host, file), 'utf8')
const codeOf = (fence: string, file: string, index = 0): string =>
  [...read(file).matchAll(new RegExp(`\`\`\`${fence}\\n([\\s\\S]*?)\`\`\``, 'g'))][index]?.[1] ?? ''

/** In the folder of the host, from where all packages are found. */
async function printedBy(...args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const env = { PATH: '/usr/bin:/bin', TMPDIR: folder, CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' }
  const { stdout, stderr } = await execute(process.execPath, ['--conditions=@capsule/source', ...args], {
    cwd: host,
    env,
  })
  expect(stderr).toBe('')
  return stdout
}

it.each([
  ['README.md', 0, 'hi\n ok 84\ntimed-out kept\n'],
  [
    'README.md',
    1,
    `[ true, 'file', 'CAPABILITY_ARGUMENTS_INVALID' ] [ 'allowed', 'ok', 'approved', 'ok', 'refused' ]\n[]\n`,
  ],
  ['README.md', 2, '0\n'],
  ['../pool/README.md', 0, '42 1 0\n'],
  ['../session/README.md', 0, 'hi\n42\n'],
  ['../bridge/README.md', 0, 'true true sent\n'],
  ['../bridge/README.md', 1, '42 Ada\n'],
  ['../../docs/durability.md', 0, 'MAY 1 false\n'],
  [
    '../capabilities/README.md',
    0,
    `{ value: 'test' }
system.env is denied by the rule 'default': no rule of the policy 'one value' allows it; for 'stage', name must be "STAGE"
[ 'allowed', 'ok', 'denied' ]\n`,
  ],
  ['../provider-sdk/README.md', 0, `{ text: 'milk' }\n`],
  ['../providers-http/README.md', 0, `[ { token: 'mine' }, 'HTTP_PORT_NOT_ALLOWED' ]\n`],
  ['../providers-files/README.md', 0, 'hell FILES_READ_ONLY\n'],
  ['../providers-shell/README.md', 0, `[ 0, 'a\\nb\\n', [ 'output', 'exit' ], 'SHELL_ARGUMENTS_INVALID' ]\n`],
  ['../providers-system/README.md', 0, `[ 24, 32, 'test' ]\n`],
  ['../sandbox/README.md', 1, 'docker os\n'],
  ['../../docs/capabilities.md', 0, 'hello\nrevoked\n'],
  ['../../docs/capabilities.md', 1, 'deny keys stay here\n'],
])('example of %s, number %i, prints what it says', async (file, index, printed) => {
  expect(await printedBy('--input-type=module-typescript', '-e', codeOf('ts example', file, index))).toBe(printed)
})

it('the example of the sandbox starts at the level of this machine', async () => {
  const code = codeOf('ts example', '../sandbox/README.md')
  expect(await printedBy('--input-type=module-typescript', '-e', code)).toMatch(/^(?:os|permission) \/\S+ \[/)
})

it.each([
  'README.md',
  ...[
    'bridge',
    'capabilities',
    'providers-http',
    'providers-files',
    'providers-shell',
    'providers-system',
    'sandbox',
  ].map((name) => `../${name}/README.md`),
  '../../docs/capabilities.md',
  '../../docs/durability.md',
  '../../docs/distribution.md',
])('no example of %s is left out', (file) => expect([...read(file).matchAll(/```ts(?! example| test)/g)]).toEqual([]))

it('the cell of docs/capabilities.md runs as it stands, against a server on this machine', async () => {
  const lab = await openProviderLab(setups[0])
  const { value } = await lab.openSession()
  const code = codeOf('js cell', '../../docs/capabilities.md').replace(
    'https://api.example.com/items',
    `http://${lab.site.origin}/echo`,
  )
  expect(await value(`${code}\n;[told, bytes]`)).toEqual(['hello!', 5])
})

it('the program of docs/writing-a-provider.md runs as it stands', async () => {
  const folder = mkdtempSync(join(host, '.document-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = new Map<string, string>()
  const blocks = /```ts\n\/\/ ([a-z-]+\.ts)(?:, continued)?\n([\s\S]*?)```/g
  for (const [, name = '', code = ''] of read('../../docs/writing-a-provider.md').matchAll(blocks))
    files.set(name, (files.get(name) ?? '') + code)
  for (const [name, code] of files) writeFileSync(join(folder, name), code)
  expect(await printedBy(join(folder, 'program.ts'))).toBe('milk\n')
})

it('every example compiles', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(host, '.document-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const names = [
    'bridge',
    'capabilities',
    'provider-sdk',
    'providers-http',
    'providers-files',
    'providers-shell',
    'providers-system',
    'sandbox',
  ]
  const documents = [
    'README.md',
    ...['capabilities', 'distribution', 'durability'].map((name) => `../../docs/${name}.md`),
    ...names.map((name) => `../${name}/README.md`),
  ]
  const codes = documents.flatMap((file) =>
    [...read(file).matchAll(/```ts (?:example|test)\n([\s\S]*?)```/g)].map(([, code = '']) => code),
  )
  for (const [index, code] of codes.entries()) writeFileSync(join(folder, `${index}.ts`), code)
  const emitNothing = {
    composite: false,
    noEmit: true,
    emitDeclarationOnly: false,
    declaration: false,
    declarationMap: false,
  }
  const config = { extends: '../../../tsconfig.base.json', compilerOptions: emitNothing, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(host, '../../node_modules/.bin/tsc')
  const told = await execute(compiler, ['-p', folder], { env: { PATH: process.env['PATH'] } }).catch(
    (error: object) => error,
  )
  expect(told).toEqual({ stdout: '', stderr: '' })
})
