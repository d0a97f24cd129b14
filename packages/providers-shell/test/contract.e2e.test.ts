import { shell, shellErrors } from '@capsule/providers-shell'
import { describeProviderContract, type CapabilitySamples } from '@capsule/provider-sdk/testing'
import { describe } from 'vitest'
import { anyArguments, treeKills } from './open-shell.ts'
import { findProcesses } from './process-watch.ts'

/** In the arguments of every command that could outlive its call. */
const mark = `capsule-shell-contract-${process.pid}`
const sleep = ['sleep', ['-c', 'while :; do sleep 60; done', mark]] as const

const samples: CapabilitySamples = {
  valid: [
    ['echo', ['a b', '$c']],
    ['cat', { input: Uint8Array.of(0, 255), encoding: 'bytes' }],
    { args: ['cat'], body: () => [Buffer.from('a'), Buffer.from('b')] },
  ],
  refused: [
    { args: ['rm', ['-rf', '/']], code: 'SHELL_COMMAND_UNKNOWN' },
    { args: ['echo', ['-n']], code: 'SHELL_ARGUMENTS_INVALID' },
    { args: ['echo', ['a\0b']], code: 'SHELL_ARGUMENTS_INVALID' },
    { args: ['echo', [], { cwd: '/' }], code: 'SHELL_CWD_INVALID' },
    { args: ['cat', { input: 'x'.repeat(100_001) }], code: 'SHELL_INPUT_TOO_LARGE' },
  ],
  slow: sleep,
  large: ['yes', ['-c', 'while :; do echo y; done', mark]],
  streamed: ['sleep', ['-c', 'echo a; sleep 0.2; echo b; sleep 60', mark]],
}
const { streamed: _, ...runSamples } = samples

describe.for(treeKills.filter(({ isHere }) => isHere))('$treeKill', ({ treeKill }) => {
  describeProviderContract({
    name: 'shell',
    create: () =>
      shell({
        treeKill,
        commands: {
          echo: { path: '/bin/echo' },
          cat: { path: '/bin/cat', maxInputBytes: 100_000 },
          sleep: { path: '/bin/sh', args: anyArguments },
          yes: { path: '/bin/sh', args: anyArguments, overflow: 'fail', maxOutputBytes: 50_000 },
        },
      }),
    calls: { run: runSamples, start: samples },
    errorCodes: Object.keys(shellErrors),
    countHeld: () => findProcesses(mark).length,
  })
})
