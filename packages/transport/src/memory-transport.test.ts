import { describe, expect, it } from 'vitest'
import { createMemoryTransportPair } from './memory-transport.ts'
import { createRecordingReader } from './testing.ts'
import type { Stray } from './transport.ts'

describe('the process of a memory pair', () => {
  it('delivers what it sent and emitted before it exits', async () => {
    const { host, worker, process } = createMemoryTransportPair<object, object>()
    const order: string[] = []
    const reader = createRecordingReader(() => order.push('message'))
    host.onStray = (stray) => order.push(`${stray.stream} ${stray.text}`)
    host.start(reader)
    worker.send({ type: 'output' })
    process.emitStray({ stream: 'stderr', text: 'oh' })
    process.emitStray({ stream: 'stdout', text: 'eh' })
    process.exit({ code: 7 })
    expect(await host.exited).toEqual({ code: 7, signal: null })
    expect(order.sort()).toEqual(['message', 'stderr oh', 'stdout eh'])
    expect(host.stderrTail).toBe('oh')
    expect(reader.ends).toEqual([{ reason: 'eof' }])
    expect(worker.send({ n: 1 })).toBe(false)
    expect(host.send({ n: 1 })).toBe(false)
  })

  it('exits by a signal unless it handles it, and always by SIGKILL', async () => {
    const { host, process } = createMemoryTransportPair<object, object>()
    const signals: NodeJS.Signals[] = []
    process.onSignal = (signal) => signals.push(signal)
    host.kill('SIGTERM')
    host.kill('SIGKILL')
    expect(await host.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(signals).toEqual(['SIGTERM'])
  })

  it('exits although the host is paused, and the end waits for the host', async () => {
    const { host, worker, process } = createMemoryTransportPair<object, object>()
    const reader = createRecordingReader()
    host.start(reader)
    host.pause()
    worker.send({ n: 1 })
    process.exit({ signal: 'SIGKILL' })
    await host.exited
    expect([reader.messages.length, reader.ends.length]).toEqual([0, 0])
    host.resume()
    expect(await reader.ended()).toEqual({ reason: 'eof' })
    expect(reader.messages).toEqual([{ n: 1 }])
  })

  it('exits with 0 when the worker closes its transport', async () => {
    const { host, worker } = createMemoryTransportPair<object, object>()
    host.start(createRecordingReader())
    await worker.close()
    expect(await host.exited).toEqual({ code: 0, signal: null })
  })

  it('ends the host as failed when it writes garbage', async () => {
    const { host, process } = createMemoryTransportPair<object, object>()
    const reader = createRecordingReader()
    const stray: Stray[] = []
    host.onStray = (given) => stray.push(given)
    host.start(reader)
    process.writeBytes(Buffer.from('GET / HTTP/1.1'))
    expect(await reader.ended()).toMatchObject({ reason: 'failed', error: { code: 'FRAME_TOO_LARGE' } })
    expect(stray).toEqual([])
  })
})
