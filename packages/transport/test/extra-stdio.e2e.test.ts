import { coreErrors } from '@capsule/core'
import {
  type ChildProcessTransportOptions,
  createChildProcessTransport,
  type ProcessTransport,
} from '@capsule/transport'
import { createRecordingReader } from '@capsule/transport/testing'
import { afterEach, expect, it } from 'vitest'
import { marker } from './remote-pair.ts'

const started: ProcessTransport<object>[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((transport) => transport[Symbol.asyncDispose]()))
})

/** Runs a program that says what it finds on stdout. */
async function run(program: string, options: Partial<ChildProcessTransportOptions>) {
  let stdout = ''
  const transport = createChildProcessTransport<object>({
    command: process.execPath,
    args: ['-e', program],
    env: marker(),
    cwd: import.meta.dirname,
    ...options,
  })
  started.push(transport)
  transport.onStray = ({ stream, text }) => void (stdout += stream === 'stdout' ? text : '')
  transport.start(createRecordingReader())
  return { exit: await transport.exited, stdout, transport }
}

const look = `const { fstatSync, readFileSync, writeSync } = require('node:fs')
const kind = (fd) => { try { const stat = fstatSync(fd); return stat.isSocket() ? 'socket' : stat.isCharacterDevice() ? 'device' : 'other' } catch (error) { return error.code } }`

it('lets the child read bytes to their end', async () => {
  const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index % 251)
  const program = `${look}; writeSync(1, readFileSync(5).toString('hex'))`
  const { stdout } = await run(program, { extraStdio: [{ type: 'bytes', bytes }] })
  expect(stdout).toBe(Buffer.from(bytes).toString('hex'))
})

it('opens /dev/null where it is told to, and nothing elsewhere', async () => {
  const extraStdio = [{ type: 'none' }, { type: 'null' }] as const
  const { stdout } = await run(`${look}; writeSync(1, kind(6) + readFileSync(6).length)`, { extraStdio })
  expect(stdout).toBe('device0')
})

it('survives a child that does not read its bytes', async () => {
  const bytes = new Uint8Array(5_000_000)
  const { exit } = await run('process.exit(3)', { extraStdio: [{ type: 'bytes', bytes }] })
  expect(exit).toEqual({ code: 3, signal: null })
})

it.each([
  [true, { code: null, signal: 'SIGKILL' }],
  [false, { code: 137, signal: null }],
])('tells the signal of a worker whose command passes it on as a code: %s', async (tellsSignalsAsCodes, expected) => {
  const { exit } = await run('process.exit(137)', { tellsSignalsAsCodes })
  expect(exit).toEqual(expected)
})

it('leaves codes that stand for no signal', async () => {
  expect((await run('process.exit(255)', { tellsSignalsAsCodes: true })).exit).toEqual({ code: 255, signal: null })
})

it('remembers the first reason that it was killed for', async () => {
  const transport = createChildProcessTransport<object>({
    command: process.execPath,
    args: ['-e', 'setInterval(() => {}, 1e6)'],
    env: marker(),
    cwd: import.meta.dirname,
  })
  started.push(transport)
  transport.start(createRecordingReader())
  const [first, second] = ['first', 'second'].map((what) => coreErrors.CANCELLED({ what }))
  expect(transport.killReason).toBeUndefined()
  transport.kill('SIGKILL', first)
  transport.kill('SIGKILL', second)
  expect(await transport.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(transport.killReason).toBe(first)
})
