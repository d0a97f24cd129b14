import { coreErrors } from '@capsule/core'
import { expect, it } from 'vitest'
import type { ShellInput } from './shell-input.ts'
import type { ShellOptions } from './shell-options.ts'
import { shell } from './shell.ts'

const node = { path: process.execPath }

function problemsOf(options: unknown): readonly string[] {
  try {
    shell(options as ShellOptions)
  } catch (error) {
    if (coreErrors.INVALID_OPTIONS.is(error)) return error.details.problems
    throw error
  }
  return []
}

it('refuses options that are wrong, and names them', () => {
  expect(problemsOf({ commands: {} })).toEqual(['commands: must name at least one command'])
  expect(problemsOf({ commands: { node }, rot: '/tmp' })).toEqual([expect.stringContaining('"rot"')])
  expect(problemsOf({ commands: { node: { path: 'node' } } })).toEqual(['commands.node.path: must be an absolute path'])
  for (const path of ['C:\\tools\\run.cmd', '/tools/run.BAT']) {
    expect(problemsOf({ commands: { run: { path } } })).toEqual([expect.stringContaining('batch file')])
  }
  expect(problemsOf({ commands: { missing: { path: '/nowhere/missing' } } })).toEqual([
    expect.stringContaining('commands.missing.path: ENOENT'),
  ])
  expect(problemsOf({ commands: { '-x': node } })).toHaveLength(1)
  expect(problemsOf({ commands: { node }, root: '/nowhere' })).toEqual([expect.stringContaining('root: ENOENT')])
  expect(problemsOf({ commands: { node: { ...node, args: ['status'] } } })).toEqual([
    expect.stringContaining('commands.node.args: must be a zod schema'),
  ])
  expect(problemsOf({ commands: { node: { ...node, env: { 'A=B': 'c' } } } })).toHaveLength(1)
  expect(problemsOf({ commands: { node: { ...node, env: { A: 'a\0' } } } })).toHaveLength(1)
})

it('never does with less than what was asked for', () => {
  for (const options of [{ network: false }, { mounts: { readOnly: [] } }]) {
    expect(() => shell({ commands: { node }, treeKill: 'group', ...options })).toThrow(
      expect.objectContaining({ code: 'SHELL_TREE_KILL_UNAVAILABLE' }),
    )
  }
})

it('describes itself and its calls', () => {
  const { capabilities } = shell({ commands: { node: { ...node, summary: 'runs JavaScript' }, other: node } })
  expect(capabilities['run']).toMatchObject({
    summary: 'Runs a command to its end and gives its output. Allowed: node (runs JavaScript), other.',
    positional: ['command', 'args'],
    bodyField: 'input',
    effect: 'write',
    returns: 'value',
    limits: { timeoutMs: 40_000, concurrent: 4 },
  })
  expect(capabilities['start']).toMatchObject({ returns: 'body' })
  const input: ShellInput = { command: 'node', args: ['a b', '"\n'], encoding: 'utf8', cwd: 'sub', input: 'x' }
  expect(capabilities['run']?.describeCall(input)).toBe('node "a b" "\\"\\n" in "sub" with input')
  expect(capabilities['run']?.describeCall({ ...input, args: ['x'.repeat(1000)] }).length).toBeLessThan(250)
})

it('checks the shape of calls', () => {
  const { run } = shell({ commands: { node } }).capabilities
  for (const input of [
    {},
    { command: 1 },
    { command: 'a', args: 'b' },
    { command: 'a', args: [1] },
    { command: 'a', shell: true },
    { command: 'a', input: 1 },
    { command: 'a', env: {} },
  ]) {
    expect(run?.checkInput(input)).toMatchObject({ isValid: false })
  }
  expect(run?.checkInput({ command: 'a' })).toEqual({
    isValid: true,
    value: { command: 'a', args: [], encoding: 'utf8' },
  })
})
