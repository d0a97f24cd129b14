import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { GuestStream } from './guest-stream.ts'

type AnyFunction = (...values: unknown[]) => unknown
type WriteCallback = (error: Error | null, written: number, data: unknown) => void

/**
 * Leads `fs.writeSync`, `fs.write`, `fs.writeFileSync` and `fs.appendFileSync` on fd 1 and 2 into the guest streams, so
 * that loggers which write to the descriptor stay in order with `console.log`. Other calls cost one comparison more.
 */
export function installFsCapture(stdout: GuestStream, stderr: GuestStream): () => void {
  const { writeSync, write, writeFileSync, appendFileSync } = fs
  const capture =
    (original: unknown, print: (stream: GuestStream, values: unknown[]) => unknown): AnyFunction =>
    (...values) => {
      const stream = values[0] === 1 ? stdout : values[0] === 2 ? stderr : undefined
      return stream === undefined ? (original as AnyFunction)(...values) : print(stream, values)
    }
  const printFile = (stream: GuestStream, values: unknown[]): void => void printPart(stream, values.slice(0, 2))
  const captured = {
    writeSync: capture(writeSync, printPart),
    write: capture(write, printThenCall),
    writeFileSync: capture(writeFileSync, printFile),
    appendFileSync: capture(appendFileSync, printFile),
  }
  // util.promisify(fs.write) finds under a symbol that it resolves to an object
  for (const symbol of Object.getOwnPropertySymbols(write))
    Object.defineProperty(captured.write, symbol, Object.getOwnPropertyDescriptor(write, symbol) ?? {})
  Object.assign(fs, captured)
  syncBuiltinESMExports()
  return () => {
    Object.assign(fs, { writeSync, write, writeFileSync, appendFileSync })
    syncBuiltinESMExports()
  }
}

/** `(fd, string, position, encoding)`, `(fd, view, offset, length)` or `(fd, view, { offset, length })`: bytes printed. */
function printPart(stream: GuestStream, [, data, second, third]: unknown[]): number {
  if (!ArrayBuffer.isView(data)) {
    const encoding = typeof third === 'string' ? (third as BufferEncoding) : 'utf8'
    stream.write(data, encoding)
    return Buffer.byteLength(data as string, encoding)
  }
  const place = typeof second === 'object' && second !== null ? (second as { offset?: unknown; length?: unknown }) : {}
  const offset = numberOr(typeof second === 'number' ? second : place.offset, 0)
  const length = numberOr(typeof second === 'number' ? third : place.length, data.byteLength - offset)
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).subarray(offset, offset + length)
  stream.write(bytes)
  return bytes.length
}

function printThenCall(stream: GuestStream, values: unknown[]): void {
  const callback = values.at(-1) as WriteCallback
  const written = printPart(stream, values.slice(0, -1))
  process.nextTick(callback, null, written, values[1])
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
