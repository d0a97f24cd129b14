import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** What a user writes after `npm install @capsule/host`: TypeScript that the published declarations must accept. */
const program = `import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()
await session.run('const answer = 40')
const { outcome, stdout } = await session.run('console.log("hi"); const sum: number = answer + 2; sum')
if (outcome.status !== 'ok' || outcome.state !== 'kept') throw new Error(\`unexpected outcome: \${JSON.stringify(outcome)}\`)
if (outcome.value !== 42 || stdout !== 'hi\\n') throw new Error(\`unexpected result: \${JSON.stringify({ outcome, stdout })}\`)
console.log('consumer ok')
`

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
  const tarballs = globSync('packages/*/.pack/*.tgz', { cwd: root }).map((file) => join(root, file))
  if (tarballs.length === 0) throw new Error('nothing is packed: run `nx run-many -t packcheck` first')
  const folder = mkdtempSync(join(tmpdir(), 'capsule-consumer-'))
  const run = (command: string, args: readonly string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], timeout: 120_000 })
  }
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
    writeFileSync(join(folder, 'program.ts'), program)
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
