import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

async function runCells(cells: readonly string[]): Promise<unknown[]> {
  const fixture = fileURLToPath(new URL('fixtures/terminated-child.ts', import.meta.url))
  const flags = ['--conditions=@capsule/source', '--no-compilation-cache', '--no-force-async-hooks-checks']
  const { stdout } = await run(process.execPath, [...flags, fixture], {
    env: { CELLS: JSON.stringify(cells) },
    timeout: 10_000,
    killSignal: 'SIGKILL',
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

test.each([
  ['synchronous', 'var before = 1; try { terminate() } finally { before = 2 }'],
  ['after an await', 'const before = 1; await null; try { terminate() } finally { globalThis.ran = 1 }'],
  ['in a timer', 'const before = 1; await new Promise(() => setTimeout(() => terminate()))'],
  [
    'in the inspection of the value',
    'var before = 1; ({ [Symbol.for("nodejs.util.inspect.custom")]() { terminate() } })',
  ],
])('after code was terminated (%s) the next cells run, with what was made before', async (_, code) => {
  const after = 'const slow = await Promise.resolve(before + 1); slow'
  expect(await runCells(["'first'", code, after, '[_, In[2].length > 0, 2 in Out]', 'before = 5; before'])).toEqual([
    { code: "'first'", text: "'first'" },
    { code, terminated: true, current: null },
    { code: after, text: '2' },
    { code: '[_, In[2].length > 0, 2 in Out]', text: '[ 2, true, false ]' },
    {
      code: 'before = 5; before',
      text: code.startsWith('var') ? '5' : 'Assignment to constant variable.',
    },
  ])
})
