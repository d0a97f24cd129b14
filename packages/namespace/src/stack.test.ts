import { expect, test } from 'vitest'
import { mapFrames } from './stack.ts'

const find = (filename: string) =>
  filename === '/work dir/cell-3.ts'
    ? { name: 'cell-3.ts', toSource: (line: number, column: number) => ({ line, column: column - 10 }) }
    : undefined

test('maps positions of cells and takes the innermost as the place', () => {
  const text = [
    'Error: x',
    '    at fs.open (node:fs:1:2)',
    '    at async Promise.all (index 0)',
    '    at new Thing (/work dir/cell-3.ts:2:17)',
    '    at async /work dir/cell-3.ts:4:30',
    '    at file:///lib/index.js:1:1',
  ].join('\n')
  expect(mapFrames(text, find)).toEqual({
    line: 2,
    column: 7,
    frames: [
      '    at fs.open (node:fs:1:2)',
      '    at async Promise.all (index 0)',
      '    at new Thing (cell-3.ts:2:7)',
      '    at async cell-3.ts:4:20',
      '    at file:///lib/index.js:1:1',
    ].join('\n'),
  })
})

test('maps the place of an eval', () => {
  const text = '    at eval (eval at run (/work dir/cell-3.ts:2:17), <anonymous>:1:1)'
  expect(mapFrames(text, find)).toEqual({
    line: 2,
    column: 7,
    frames: '    at eval (eval at run (cell-3.ts:2:7), <anonymous>:1:1)',
  })
})

test('leaves out what is below the run and what is Capsule’s', () => {
  const own = new Error('here').stack?.split('\n')[1] ?? ''
  const text = [
    own,
    '    at /work dir/cell-3.ts:1:11',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
    '    at Script.runInThisContext (node:vm:137:12)',
    '    at somewhere (/harness.js:1:1)',
  ].join('\n')
  expect(mapFrames(text, find).frames).toBe('    at cell-3.ts:1:1')
})
