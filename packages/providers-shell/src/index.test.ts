import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'argv',
    'literal',
    'oneOf',
    'option',
    'pathInside',
    'pattern',
    'relativePath',
    'rest',
    'shell',
    'shellErrors',
    'text',
  ])
})

it('keeps its error codes', async () => {
  const { shellErrors } = await import('./index.ts')
  expect(Object.keys(shellErrors).sort()).toEqual([
    'SHELL_ARGUMENTS_INVALID',
    'SHELL_BINARY_CHANGED',
    'SHELL_COMMAND_UNKNOWN',
    'SHELL_CWD_INVALID',
    'SHELL_EXIT_UNEXPECTED',
    'SHELL_INPUT_TOO_LARGE',
    'SHELL_LIMIT_UNAVAILABLE',
    'SHELL_OUTPUT_TOO_LARGE',
    'SHELL_SPAWN_FAILED',
    'SHELL_TIMED_OUT',
    'SHELL_TREE_KILL_UNAVAILABLE',
  ])
})
