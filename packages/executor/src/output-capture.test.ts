import fs from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { executorErrors } from './errors.ts'
import { installOutputCapture } from './output-capture.ts'

let printed: [stream: string, text: string][] = []
let write = (stream: string, text: string): void => void printed.push([stream, text])
let uninstall = (): void => {}
const original = { console: globalThis.console, stdout: process.stdout, writeSync: fs.writeSync }

beforeEach(() => {
  printed = []
  write = (stream, text) => void printed.push([stream, text])
  uninstall = installOutputCapture({ write: (stream, text) => write(stream, text) })
})
afterEach(() => uninstall())

it('formats as a real console, on the right stream', () => {
  console.log('plain %s')
  console.error('%s!', 'formatted')
  console.group('group')
  console.info('inside')
  console.groupEnd()
  console.warn({ a: 1 })
  console.assert(false, 'not so')
  console.count()
  expect(printed).toEqual([
    ['stdout', 'plain %s\n'],
    ['stderr', 'formatted!\n'],
    ['stdout', 'group\n'],
    ['stdout', '  inside\n'],
    ['stderr', '{ a: 1 }\n'],
    ['stderr', 'Assertion failed: not so\n'],
    ['stdout', 'default: 1\n'],
  ])
})

it('decodes characters that arrive in parts, and keeps the order with text', () => {
  process.stdout.write(new Uint8Array([0xe2, 0x82]))
  process.stdout.write(new Uint8Array([0xac]))
  process.stdout.write('4f4b', 'hex')
  process.stdout.write(new Uint8Array([0xe2]))
  process.stdout.write('x')
  expect(printed.map(([, text]) => text)).toEqual(['€', 'OK', '\ufffd', 'x'])
})

it('works as a stream that nothing ends', async () => {
  await pipeline(Readable.from(['a', 'b']), process.stdout)
  await new Promise<void>((resolve) => process.stdout.end('c', resolve))
  await new Promise((resolve) => process.stdout.write('d', resolve))
  process.stdout.cork()
  expect(process.stdout.destroy().write('e')).toBe(true)
  expect(printed.map(([, text]) => text).join('')).toBe('abcde')
  expect([process.stdout.fd, process.stdout.isTTY, process.stdout.columns]).toEqual([1, undefined, undefined])
  expect(() => process.stdout.write(5 as never)).toThrow(TypeError)
})

it('captures writes to fd 1 and 2 through fs', async () => {
  expect(fs.writeSync(1, 'é\n')).toBe(3)
  fs.writeSync(2, Buffer.from('abcdef'), 1, 2)
  fs.appendFileSync(1, 'file')
  expect(await promisify(fs.write)(1, Buffer.from('P'))).toMatchObject({ bytesWritten: 1 })
  expect(printed).toEqual([
    ['stdout', 'é\n'],
    ['stderr', 'bc'],
    ['stdout', 'file'],
    ['stdout', 'P'],
  ])
})

it('lets a program replace process.stdout.write', () => {
  const seen: unknown[] = []
  process.stdout.write = (chunk: unknown) => seen.push(chunk) > 0
  console.log('x')
  expect([seen, printed]).toEqual([['x\n'], []])
})

it('throws OUTPUT_OVERFLOW into the printing code, and nothing else', () => {
  write = () => {
    throw new Error('broken consumer')
  }
  console.log('swallowed')
  write = () => {
    throw executorErrors.OUTPUT_OVERFLOW({ bytes: 1, bufferBytes: 1 })
  }
  expect(() => console.log('x')).toThrow('no room for 1 bytes')
})

it('puts everything back', () => {
  expect(process.stdout).not.toBe(original.stdout)
  uninstall()
  expect([globalThis.console, process.stdout, fs.writeSync]).toEqual([
    original.console,
    original.stdout,
    original.writeSync,
  ])
})
