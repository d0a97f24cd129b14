import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** What a user writes after installing the packages: TypeScript that the published declarations must accept. */
const program = `import { createCapsule, createMemoryAudit, policies } from '@capsule/host'
import { defineProvider } from '@capsule/provider-sdk'
import { files } from '@capsule/providers-files'
import * as z from 'zod'

const greeter = defineProvider({
  name: 'greeter',
  specificationVersion: 'v1',
  capabilities: {
    greet: {
      summary: 'Greets.',
      input: z.strictObject({ name: z.string() }),
      output: z.string(),
      positional: ['name'],
      handler: ({ name }) => \`hi \${name}\`,
    },
  },
})
const audit = createMemoryAudit()
await using capsule = await createCapsule({ audit })
await using session = await capsule.createSession({
  capabilities: [files({ roots: { here: { path: process.cwd() } } }), greeter],
  policy: policies.restricted.extend({ rules: [{ id: 'greet', effect: 'allow', capability: 'greeter.greet' }] }),
})
await session.run('const answer = 40')
const { outcome, stdout } = await session.run('console.log("hi"); const sum: number = answer + 2; sum')
if (outcome.status !== 'ok' || outcome.state !== 'kept') throw new Error(\`unexpected outcome: \${JSON.stringify(outcome)}\`)
if (outcome.value !== 42 || stdout !== 'hi\\n') throw new Error(\`unexpected result: \${JSON.stringify({ outcome, stdout })}\`)
const cell = \`const { name } = JSON.parse(await caps.files.read('here:/package.json', 'utf8'))
;[await caps.greeter.greet(name), await caps.files.read('here:/../x').catch((error) => error.code)]\`
const called = await session.run(cell)
const told = JSON.stringify([called.outcome.value, audit.records.map(({ outcome: each }) => each)])
if (told !== '[["hi consumer","CAPABILITY_ARGUMENTS_INVALID"],["allowed","ok","allowed","ok","refused"]]') throw new Error(\`unexpected calls: \${told}\`)
for (const [name, exported] of Object.entries(await importAll()))
  if (Object.keys(exported).length === 0) throw new Error(\`\${name} exports nothing\`)
console.log('consumer ok')
`

/** Every package that is published can be imported, by the name that its tarball has. */
function importsOf(names: readonly string[]): string {
  const lines = names.map((name) => `  '${name}': await import('${name}'),`)
  return `\nasync function importAll(): Promise<Record<string, object>> {\n  return {\n${lines.join('\n')}\n  }\n}\n`
}

const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  strict: true,
  noEmit: true,
  // The declarations are what is under test.
  skipLibCheck: false,
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
}

/** Installs the packed packages as a user would, in a folder that knows nothing of this workspace. */
function main(): void {
  const packed = globSync('packages/*/.pack/*.tgz', { cwd: root })
  if (packed.length === 0) throw new Error('nothing is packed: run `nx run-many -t packcheck` first')
  const tarballs = packed.map((file) => join(root, file))
  const names = packed.map((file) => `@capsule/${file.split('/')[1]}`)
  const folder = mkdtempSync(join(tmpdir(), 'capsule-consumer-'))
  const run = (command: string, args: readonly string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], timeout: 120_000 })
  }
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
    writeFileSync(join(folder, 'program.ts'), program + importsOf(names))
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
    run('npm', [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--loglevel=error',
      ...tarballs,
    ])
    run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'])
    run(process.execPath, ['program.ts'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

main()
