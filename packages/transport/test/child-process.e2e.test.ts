import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ChildProcessTransportOptions,
  createChildProcessTransport,
  type ProcessTransport,
  type Stray,
} from '@capsule/transport'
import { createRecordingReader } from '@capsule/transport/testing'
import { marker } from './remote-pair.ts'

type Message = Readonly<Record<string, unknown>>

const started: ProcessTransport<object>[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((transport) => transport[Symbol.asyncDispose]()))
})

function start(act: string, options: Partial<ChildProcessTransportOptions> = {}) {
  const stray: Stray[] = []
  const transport = createChildProcessTransport<object>({
    command: process.execPath,
    args: [`${import.meta.dirname}/fixtures/raw-worker.mjs`, act],
    env: marker(),
    cwd: import.meta.dirname,
    ...options,
  })
  started.push(transport)
  transport.onStray = (given) => stray.push(given)
  const reader = createRecordingReader<Message>()
  transport.start(reader)
  return { transport, reader, stray }
}

const textOf = (stray: readonly Stray[], stream: Stray['stream']): string =>
  stray.map((piece) => (piece.stream === stream && 'text' in piece ? piece.text : '')).join('')

describe('a hostile worker', () => {
  it.each([
    ['garbage', 'FRAME_TOO_LARGE', 0],
    ['oversize', 'FRAME_TOO_LARGE', 0],
    ['empty', 'FRAME_EMPTY', 0],
    ['half-frame', 'FRAME_TRUNCATED', 1],
    ['half-header', 'FRAME_TRUNCATED', 0],
  ])('that sends %s ends the transport with %s', async (act, code, messages) => {
    const { reader } = start(act)
    expect(await reader.ended()).toMatchObject({ reason: 'failed', error: { code } })
    expect(reader.messages.length).toBe(messages)
  })

  it('that floods us is held back by a pause, and memory stays bounded', async () => {
    const { transport, reader } = start('flood')
    await reader.received(1000)
    transport.pause()
    const { receivedBytes } = transport.counters
    // a pause lets in at most what was under way; other turns show that no more comes
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(transport.counters.receivedBytes - receivedBytes).toBeLessThan(4 * 1024 * 1024)
    const { length } = reader.messages
    transport.resume()
    await reader.received(length + 1000)
    transport.kill('SIGKILL')
    expect(await transport.exited).toEqual({ code: null, signal: 'SIGKILL' })
    const end = await reader.ended()
    // the kill may hit in the middle of a frame
    expect(['eof', 'FRAME_TRUNCATED']).toContain(end.reason === 'failed' ? end.error.code : end.reason)
  })

  it('that never reads makes send say false; killing it releases drained and ends the transport', async () => {
    const { transport, reader } = start('deaf')
    while (transport.send({ text: 'x'.repeat(64 * 1024) })) await new Promise((resolve) => setImmediate(resolve))
    const drained = transport.drained()
    transport.kill('SIGKILL')
    await drained
    expect(await reader.ended()).toEqual({ reason: 'eof' })
    expect(await transport.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(transport.send({ n: 1 })).toBe(false)
  })

  it('that never reads does not hold up a close that discards', async () => {
    const { transport, reader } = start('deaf')
    for (let n = 0; n < 100; n++) transport.send({ text: 'x'.repeat(64 * 1024) })
    void transport.close()
    await transport.close({ discard: true })
    expect(reader.ends).toEqual([{ reason: 'closed' }])
  })

  it('that closes its input only is a failed transport, after its last frames', async () => {
    const { transport, reader } = start('closes-input')
    await reader.received(1)
    for (let n = 0; n < 100; n++) transport.send({ text: 'x'.repeat(64 * 1024) })
    expect(await reader.ended()).toMatchObject({ reason: 'failed', error: { code: 'TRANSPORT_FAILED' } })
    expect(transport.send({ n: 1 })).toBe(false)
  })

  it.each(['holds-stderr', 'holds-messages'])('whose child %s open does not hold up the exit', async (act) => {
    const { transport, reader } = start(act)
    const [{ grandchild }] = (await reader.received(1)) as [{ grandchild: number }]
    try {
      expect(await transport.exited).toEqual({ code: 0, signal: null })
      expect(await reader.ended()).toEqual({ reason: 'eof' })
    } finally {
      process.kill(grandchild, 'SIGKILL')
    }
  })

  it('that exits while we write has a defined end, every time', async () => {
    for (let round = 0; round < 5; round++) {
      const { transport, reader } = start('exit')
      while (reader.ends.length === 0) {
        transport.send({ text: 'x'.repeat(100_000) })
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(reader.ends).toEqual([{ reason: 'eof' }])
      expect(await transport.exited).toEqual({ code: 9, signal: null })
    }
  })
})

describe('fd 1 and 2', () => {
  it('are read while the transport is paused, and the tail of fd 2 is kept', async () => {
    const { transport, reader, stray } = start('stray-flood', { stderrTailBytes: 10 })
    transport.pause()
    expect(await transport.exited).toEqual({ code: 0, signal: null })
    expect(textOf(stray, 'stdout').length).toBe(100 * 64 * 1024)
    // the tail is whole characters within 10 bytes: the euro sign takes three
    expect(transport.stderrTail).toBe('t words\u20ac')
    transport.resume()
    expect(await reader.ended()).toEqual({ reason: 'eof' })
    expect(reader.messages).toEqual([{ done: true }])
  })

  it('are read up to a message before whenStrayRead calls back for it', async () => {
    const transport = createChildProcessTransport<object>({
      command: process.execPath,
      args: [`${import.meta.dirname}/fixtures/raw-worker.mjs`, 'native-then-message'],
      env: marker(),
      cwd: import.meta.dirname,
    })
    started.push(transport)
    let stdoutLength = 0
    let stderrText = ''
    transport.onStray = ({ stream, text }) => {
      if (stream === 'stdout') stdoutLength += text.length
      else stderrText += text
    }
    const missing: unknown[] = []
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    transport.start({
      message(message) {
        const { round } = message as { round: number }
        transport.whenStrayRead(() => {
          const expected = (round * (round + 1) * 500) / 2
          if (stdoutLength < expected || !stderrText.includes(`${round};`))
            missing.push({ round, stdoutLength, expected })
        })
      },
      end: () => resolve(),
    })
    await ended
    await transport.exited
    expect(missing).toEqual([])
  })
})

describe('the process', () => {
  it('that cannot be started ends the transport with WORKER_SPAWN_FAILED', async () => {
    for (const options of [
      { command: '/does/not/exist' },
      { cwd: '/does/not/exist' },
      { command: '/' },
      { command: '' },
    ]) {
      const { transport, reader } = start('exit', options)
      expect(transport.pid).toBe(NaN)
      transport.send({ n: 1 })
      expect(await reader.ended()).toMatchObject({ reason: 'failed', error: { code: 'WORKER_SPAWN_FAILED' } })
      expect(await transport.exited).toEqual({ code: null, signal: null })
      transport.kill('SIGKILL')
    }
  })

  it('has the given environment, folder and argv0, and nothing else', async () => {
    const { reader } = start('environment', { env: { ...marker(), ONLY: 'this' }, argv0: 'capsule-worker' })
    const [message] = await reader.received(1)
    expect(message).toEqual({ env: { ...marker(), ONLY: 'this' }, cwd: import.meta.dirname, argv0: 'capsule-worker' })
  })

  it('sees the end of its input when the transport closes, and is still read', async () => {
    const { transport } = start('stays-until-eof')
    await transport.close()
    expect(await transport.exited).toEqual({ code: 0, signal: null })
    expect(transport.stderrTail).toBe('saw the end')
  })

  it('is gone after disposal', async () => {
    const { transport } = start('deaf')
    await transport[Symbol.asyncDispose]()
    expect(() => process.kill(transport.pid, 0)).toThrow(/ESRCH/)
    await transport[Symbol.asyncDispose]()
  })

  it('does not keep its host alive once the transport is closed', async () => {
    const host = spawn(
      process.execPath,
      ['--conditions=@capsule/source', '--no-warnings', `${import.meta.dirname}/fixtures/closing-host.ts`],
      { env: marker(), stdio: ['ignore', 'pipe', 'inherit'] },
    )
    host.stdout.setEncoding('utf8')
    let pid = ''
    host.stdout.on('data', (text: string) => (pid += text))
    const [code] = await once(host, 'exit')
    process.kill(Number(pid), 'SIGKILL')
    expect(code).toBe(0)
  })

  it.each([
    ['blocking', 'messages'],
    ['async', 'close'],
  ])('loses nothing at process.exit with a %s writer', async (write, act) => {
    const { reader } = start(act, {
      args: [
        '--conditions=@capsule/source',
        '--no-warnings',
        `${import.meta.dirname}/fixtures/exiting-worker.ts`,
        write,
      ],
    })
    expect(await reader.ended()).toEqual({ reason: 'eof' })
    expect(reader.messages.length).toBe(2001)
    expect(reader.messages.at(-1)).toEqual({ type: 'result' })
  })
})
