import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

it('runs the example of the README and sees what the README says it prints', () => {
  const [, source, printed] = /```ts\n(.*?)```\n+```text\n(.*?)```/s.exec(readme) ?? []
  expect(source).toContain("from '@capsule/host'")
  // In the app's folder, from where '@capsule/host' is found; on stdin, so that no file has to be there.
  const run = spawnSync(process.execPath, ['--conditions=@capsule/source', '--input-type=module-typescript', '-'], {
    cwd: join(root, 'apps/capsule'),
    env: { PATH: process.env['PATH'] },
    input: source,
    encoding: 'utf8',
    timeout: 14_000,
  })
  expect(run).toMatchObject({ stderr: '', stdout: printed, status: 0 })
})
