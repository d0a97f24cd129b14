import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capabilityBody } from '@capsule/provider-sdk'
import type { ShellEvent } from '@capsule/providers-shell'
import { createFakeClock, createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyArguments, openShell, treeKills } from './open-shell.ts'

const sh = { path: '/bin/sh', args: anyArguments }
const cat = { path: '/bin/cat' }
const countBytes = join(import.meta.dirname, 'fixtures/count-bytes.fixture.mjs')

async function collect(events: AsyncIterable<ShellEvent>): Promise<ShellEvent[]> {
  const all: ShellEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

const textOf = (events: readonly ShellEvent[], wanted: 'stdout' | 'stderr'): string =>
  events.map((event) => (event.type === 'output' && event.stream === wanted ? event.text : '')).join('')

describe.for(treeKills.filter(({ isHere }) => isHere))('shell.start, $treeKill', ({ treeKill }) => {
  it('streams what is written as it comes, and the exit last', async () => {
    const { start } = openShell({ commands: { sh }, treeKill })
    // each line waits for the answer to the one before
    const lines = createRecorder<string>()
    const body = (async function* () {
      yield Buffer.from('one\n')
      await lines.waitForCount(1)
      yield Buffer.from('two\n')
    })()
    const script = 'while read line; do echo got $line; done; echo end >&2; exit 5'
    const events = await start({ command: 'sh', args: ['-c', script], input: capabilityBody }, { body })
    const all: ShellEvent[] = []
    for await (const event of events) {
      all.push(event)
      if (event.type === 'output') lines.record(event.text!)
    }
    expect(all).toEqual([
      { type: 'output', stream: 'stdout', text: 'got one\n' },
      { type: 'output', stream: 'stdout', text: 'got two\n' },
      { type: 'output', stream: 'stderr', text: 'end\n' },
      { type: 'exit', exitCode: 5, signal: null, durationMs: expect.any(Number) as number },
    ])
  })

  it('does not cut characters, and brings bytes whole', async () => {
    const { start } = openShell({ commands: { cat }, treeKill })
    const input = 'ä€😀'.repeat(40_000)
    const events = await collect(await start({ command: 'cat', input }))
    expect(textOf(events, 'stdout') === input).toBe(true)
    expect(events.length).toBeGreaterThan(2)
    const bytes = await collect(await start({ command: 'cat', input: Uint8Array.of(0xe2, 0, 0xff), encoding: 'bytes' }))
    expect(bytes[0]).toEqual({ type: 'output', stream: 'stdout', bytes: Uint8Array.of(0xe2, 0, 0xff) })
    const broken = await collect(await start({ command: 'cat', input: Uint8Array.of(97, 0xe2) }))
    expect(textOf(broken, 'stdout')).toBe('a\ufffd')
  })

  it('lets a slow reader slow the command, and then loses nothing', async () => {
    const root = await mkdtemp(join(tmpdir(), 'capsule-shell-test-'))
    onTestFinished(() => rm(root, { recursive: true }))
    const total = 16 * 1024 * 1024
    const count = { path: process.execPath, args: anyArguments, maxOutputBytes: total }
    const { start } = openShell({ commands: { count }, treeKill, root })
    const startCount = (file: string) =>
      start({ command: 'count', args: [countBytes, String(total), file], encoding: 'bytes' })
    const bytesOf = (event: ShellEvent): number => (event.type === 'output' ? event.bytes!.length : 0)
    const slow = await startCount('slow')
    let bytes = bytesOf((await waitFor(slow.next())).value!)
    // one that is read comes to its end meanwhile: so could the other have
    for await (const event of await startCount('fast')) void event
    expect(Number(await readFile(join(root, 'fast'), 'utf8'))).toBe(total)
    expect(Number(await readFile(join(root, 'slow'), 'utf8'))).toBeLessThan(2 * 1024 * 1024)
    const others = await collect(slow)
    for (const event of others) bytes += bytesOf(event)
    expect(bytes).toBe(total)
    expect(others.at(-1)).toMatchObject({ type: 'exit', exitCode: 0 })
  })

  it('delivers what came before a failure, and then the failure', async () => {
    const clock = createFakeClock()
    const { start } = openShell({ commands: { sh: { ...sh, timeoutMs: 400 } }, treeKill, clock })
    const events = await start({ command: 'sh', args: ['-c', 'echo a; sleep 60'] })
    expect(await waitFor(events.next())).toMatchObject({ value: { text: 'a\n' } })
    clock.advance(400)
    await expect(waitFor(events.next())).rejects.toMatchObject({ code: 'SHELL_TIMED_OUT' })
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('ends at its deadline also when nobody reads', async () => {
    const yes = { path: '/usr/bin/yes', args: anyArguments, timeoutMs: 400 }
    const { start, run } = openShell({ commands: { yes, cat }, treeKill, maxConcurrent: 1 })
    await start({ command: 'yes' })
    // its turn comes when the first is gone
    expect(await waitFor(run({ command: 'cat', input: 'x' }))).toMatchObject({ stdout: 'x' })
  })

  it('ends the command when the reader leaves, which gives its turn to the next', async () => {
    const yes = { path: '/usr/bin/yes', args: anyArguments, timeoutMs: 60_000 }
    const { start, run } = openShell({ commands: { yes, cat }, treeKill, maxConcurrent: 1 })
    for await (const event of await start({ command: 'yes' })) {
      expect(event).toMatchObject({ type: 'output', stream: 'stdout' })
      break
    }
    expect(await waitFor(run({ command: 'cat', input: 'x' }))).toMatchObject({ stdout: 'x' })
    // left before it was read at all
    await (
      await start({ command: 'yes' })
    ).return!()
    expect(await waitFor(run({ command: 'cat', input: 'y' }))).toMatchObject({ stdout: 'y' })
  })

  it('ends the command when the call is aborted', async () => {
    const { start } = openShell({ commands: { cat }, treeKill })
    const cell = new AbortController()
    const body = (async function* () {
      yield Buffer.from('x')
      await new Promise(() => {})
    })()
    const events = await start({ command: 'cat', input: capabilityBody }, { signal: cell.signal, body })
    expect(await waitFor(events.next())).toMatchObject({ value: { text: 'x' } })
    cell.abort()
    await expect(waitFor(events.next())).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('drops or refuses what is over the limit', async () => {
    const commands = {
      cat: { ...cat, maxOutputBytes: 3 },
      strict: { ...cat, maxOutputBytes: 3, overflow: 'fail' as const },
    }
    const { start } = openShell({ commands, treeKill })
    const events = await collect(await start({ command: 'cat', input: 'abcdef' }))
    expect(textOf(events, 'stdout')).toBe('abc')
    expect(events.at(-1)).toMatchObject({ type: 'exit', truncated: true })
    const strict = await start({ command: 'strict', input: 'abcdef' })
    expect(await strict.next()).toMatchObject({ value: { text: 'abc' } })
    await expect(strict.next()).rejects.toMatchObject({ code: 'SHELL_OUTPUT_TOO_LARGE' })
  })

  it('streams a file of some megabytes through a command', async () => {
    const { start } = openShell({
      commands: { cat: { ...cat, maxInputBytes: 1e9, maxOutputBytes: 1e9 } },
      treeKill,
    })
    const body = createReadStream(process.execPath, { end: 5_000_000 - 1 })
    const events = await start({ command: 'cat', input: capabilityBody, encoding: 'bytes' }, { body })
    let bytes = 0
    for await (const event of events) if (event.type === 'output') bytes += event.bytes!.length
    expect(bytes).toBe(5_000_000)
  })
})
