import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const host = fileURLToPath(new URL('..', import.meta.url))

it.each([
  ['README.md', 'hi\n ok 84\ntimed-out kept\n'],
  ['../session/README.md', 'hi\n42\n'],
])('the example of %s prints what it says', async (file, printed) => {
  const example = /```ts example\n([\s\S]*?)```/.exec(readFileSync(`${host}/${file}`, 'utf8'))?.[1] ?? ''
  const args = ['--conditions=@capsule/source', '--input-type=module-typescript', '-e', example]
  const env = { PATH: '/usr/bin:/bin', CAPSULE_TEST_RUN: process.env['CAPSULE_TEST_RUN'] ?? '' }
  const { stdout } = await run(process.execPath, args, { cwd: host, env })
  expect(stdout).toBe(printed)
})
