import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { findInheritedFds } from './inherited-fds.ts'

it.skipIf(process.platform !== 'linux')('finds what children would get, and nothing that Node opened', () => {
  const own = openSync('/dev/null', 'r')
  onTestFinished(() => closeSync(own))
  expect(findInheritedFds()).not.toContain(own)
  const module = join(import.meta.dirname, 'inherited-fds.ts')
  const code = `import { findInheritedFds } from ${JSON.stringify(module)}; console.log(JSON.stringify(findInheritedFds()))`
  const stdio = Array.from({ length: 41 }, (_, fd) => (fd === 1 || fd === 2 ? 'pipe' : 'ignore')) as ('pipe' | number)[]
  // Node closes the first ones itself
  stdio[40] = own
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], {
    stdio,
    env: {},
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toContain(40)
})
