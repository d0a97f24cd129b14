import type { StreamMessage } from '@capsule/protocol'
import { describe, expect, it } from 'vitest'
import { transportErrors } from '../errors.ts'
import { createStreamHub, type StreamHub, type StreamHubOptions } from './stream-hub.ts'

const sizes = { pieceBytes: 1000, valueBytes: 5000 }

/** Two hubs with a wire between them that carries what it is told to. */
function createPair(options: Partial<StreamHubOptions> = {}) {
  const queues: Record<'host' | 'worker', StreamMessage[]> = { host: [], worker: [] }
  const refused: StreamMessage[] = []
  const make = (side: 'host' | 'worker'): StreamHub =>
    createStreamHub({ side, sizes, send: (message) => queues[side].push(message) > 0, ...options })
  const host = make('host')
  const worker = make('worker')
  const carry = (from: 'host' | 'worker'): boolean => {
    const message = queues[from].shift()
    if (message === undefined) return false
    if (!(from === 'host' ? worker : host).receive(message)) refused.push(message)
    return true
  }
  return {
    host,
    worker,
    queues,
    refused,
    carry,
    /** Carries until nothing is under way, letting readers and writers go on in between. */
    settle: async (): Promise<void> => {
      for (let idle = 0; idle < 3;) {
        idle = carry('host') || carry('worker') ? 0 : idle + 1
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(refused).toEqual([])
    },
  }
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill)
const code = (name: string): unknown => expect.objectContaining({ code: name })

async function readAll(channel: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of channel) chunks.push(chunk)
  return chunks
}

describe('a channel', () => {
  it.each(['host first', 'worker first', 'both at once'])(
    'is one under one name, whoever comes first (%s)',
    async (order) => {
      const pair = createPair()
      const first = order === 'worker first' ? pair.worker : pair.host
      const second = first === pair.host ? pair.worker : pair.host
      const one = first.stream('a')
      if (order !== 'both at once') await pair.settle()
      const other = second.stream('a')
      expect(second.stream('a')).toBe(other)
      const written = [one.write('there'), other.write('back')]
      const reading = [one.read(), other.read()]
      await pair.settle()
      await Promise.all(written)
      expect((await Promise.all(reading)).map((result) => result.value)).toEqual(['back', 'there'])
      await Promise.all([one.end(), other.end()])
      await pair.settle()
      await Promise.all([one.closed, other.closed])
      expect([pair.host.counters.open, pair.worker.counters.open]).toEqual([0, 0])
      expect(first.stream('a')).not.toBe(one)
    },
  )
})

describe('writing and reading', () => {
  it('sends nothing before it is accepted, and then what waited', async () => {
    const { host, worker, queues, settle } = createPair()
    const written = host.stream('a').write(bytes(2500))
    expect(queues.host.map(({ type }) => type)).toEqual(['stream-open'])
    await settle()
    const reading = readAll(worker.stream('a'))
    await settle()
    await written
    await host.stream('a').end()
    await settle()
    // pieces of at most 1000 bytes
    expect(((await reading) as Uint8Array[]).map((chunk) => chunk.length)).toEqual([1000, 1000, 500])
  })

  it('admits a value larger than the window when the window is whole, also behind one that is still unread', async () => {
    const { host, worker, settle } = createPair()
    const channel = host.stream('a')
    const theirs = worker.stream('a', { windowBytes: 300 })
    const written = [channel.write('small'), channel.write('x'.repeat(2000)), channel.write('last')]
    await settle()
    expect(await theirs.read()).toMatchObject({ value: 'small' })
    await settle()
    expect(await theirs.read()).toMatchObject({ value: 'x'.repeat(2000) })
    await settle()
    expect(await theirs.read()).toMatchObject({ value: 'last' })
    await Promise.all(written)
  })

  it('finishes a byte chunk of which a piece was sent, and drops one of which none was', async () => {
    const { host, worker, settle } = createPair()
    const channel = host.stream('a')
    const theirs = worker.stream('a', { windowBytes: 600 })
    const abort = new AbortController()
    const begun = bytes(1000, 7)
    const writes = [begun, bytes(50, 8)].map((chunk) => channel.write(chunk, { signal: abort.signal }))
    await settle()
    abort.abort()
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'CANCELLED' })
    // the memory is the caller's again
    begun.fill(0)
    void channel.write(bytes(1, 9))
    void channel.end()
    const reading = readAll(theirs)
    await settle()
    const all = Buffer.concat((await reading) as Uint8Array[])
    expect([all.length, all.subarray(0, 1000).every((byte) => byte === 7), all[1000]]).toEqual([1001, true, 9])
  })

  it('fails at once where it may discard what waits for room', async () => {
    const { host, worker, settle } = createPair()
    const [from, to] = [host.stream('a'), worker.stream('a', { windowBytes: 2000 })]
    await settle()
    const stop = new AbortController()
    const cut = from.write(bytes(5000), { signal: stop.signal })
    const waiting = from.write(bytes(10))
    await settle()
    stop.abort()
    await Promise.all([
      expect(cut).rejects.toEqual(code('CANCELLED')),
      expect(waiting).rejects.toEqual(code('STREAM_ENDED')),
      from.fail(new Error('over'), { discard: true }),
      to.end(),
    ])
    await settle()
    await from.closed
    expect([host.counters.open, worker.counters.open]).toEqual([0, 0])
    await expect(readAll(to)).rejects.toEqual(code('STREAM_FAILED'))
  })

  it('drops what has arrived on cancel, and tells the writer why', async () => {
    const { host, worker, settle } = createPair()
    const [one, other] = [host.stream('a'), worker.stream('a')]
    await settle()
    await other.write('unread')
    await settle()
    one.cancel(new Error('enough'))
    expect(await one.read()).toMatchObject({ done: true })
    await settle()
    await expect(other.write('more')).rejects.toMatchObject({
      code: 'STREAM_CANCELLED',
      message: expect.stringContaining('enough'),
    })
    await one[Symbol.asyncDispose]()
    await settle()
    await other.closed
  })

  it('keeps what was sent under one name apart from what comes next under it', async () => {
    const { host, worker, settle } = createPair()
    const [one, other] = [host.stream('a'), worker.stream('a')]
    await settle()
    await other.write('first')
    for (const channel of [one, other]) await channel.end()
    await settle()
    const again = worker.stream('a')
    void again.write('second')
    await settle()
    expect(host.stream('a')).toBe(one)
    expect(await readAll(one)).toEqual(['first'])
    const reading = host.stream('a').read()
    await settle()
    expect(await reading).toMatchObject({ value: 'second' })
  })

  it('keeps nothing of the channel of a call but for whoever has it', async () => {
    const { host, worker, settle } = createPair()
    const from = host.stream('capsule-call:call-1')
    from.cancel()
    const to = worker.stream('capsule-call:call-1')
    const sent = [from.write(bytes(10)), from.end(), to.end()]
    await settle()
    await Promise.all(sent)
    expect([host.counters.open, worker.counters.open]).toEqual([0, 0])
    expect(worker.stream('capsule-call:call-1')).not.toBe(to)
    expect(await readAll(to)).toEqual([bytes(10)])
  })

  it('delivers what had arrived, then why the peer is gone', async () => {
    const { host, worker, settle } = createPair()
    const [one, other] = [host.stream('a'), worker.stream('a')]
    await settle()
    await other.write(5)
    await settle()
    const writing = one.write(bytes(2_000_000))
    const gone = transportErrors.STREAM_DISCONNECTED({})
    host.close(gone)
    await expect(writing).rejects.toBe(gone)
    await one.closed
    expect(await one.read()).toMatchObject({ value: 5 })
    await expect(one.read()).rejects.toBe(gone)
    expect(await one.read()).toMatchObject({ done: true })
    expect(() => host.stream('b')).toThrow(code('STREAM_DISCONNECTED'))
  })
})

describe('turns', () => {
  it('sends one message of each channel in turn, and none while the way is stalled', async () => {
    let isFree = true
    const sent: StreamMessage[] = []
    const hub = createStreamHub({ side: 'host', sizes, send: (message) => sent.push(message) > 0 && isFree })
    const channels = ['a', 'b'].map((name) => hub.stream(name))
    isFree = false
    for (const channel of channels) void channel.write(bytes(3000))
    for (const streamId of ['h1', 'h2']) hub.receive({ type: 'stream-credit', streamId, bytes: 10_000 })
    const data = (): string[] => sent.filter(({ type }) => type === 'stream-data').map(({ streamId }) => streamId)
    expect(data()).toEqual(['h1'])
    isFree = true
    hub.resume()
    // its rest had queued before the other asked
    expect(data()).toEqual(['h1', 'h1', 'h2', 'h1', 'h2', 'h2'])
  })
})

describe('a hub that trusts nobody', () => {
  const open = (streamId: string, name = streamId): StreamMessage => ({
    type: 'stream-open',
    streamId,
    name,
    windowBytes: 100,
  })
  const data = (streamId: string, length = 1): StreamMessage => ({
    type: 'stream-data',
    streamId,
    kind: 'bytes',
    data: bytes(length),
  })
  const close = (streamId: string, side: 'read' | 'write' = 'write'): StreamMessage => ({
    type: 'stream-close',
    streamId,
    side,
  })
  const hub = (): StreamHub => createStreamHub({ side: 'host', sizes, maxStreams: 2, send: () => true })

  it.each<[string, StreamMessage[]]>([
    ['data of nothing', [data('w1')]],
    ['credit of nothing', [{ type: 'stream-credit', streamId: 'w1', bytes: 1 }]],
    ['an end of nothing', [close('h1')]],
    ['an id of this side', [open('h1')]],
    ['ids of no side', [open('x1')]],
    ['numbers that do not grow', [open('w2'), open('w2', 'b')]],
    ['numbers that are none', [open('w0')]],
    ['a name twice', [open('w1', 'a'), open('w2', 'a')]],
    ['too many channels', [open('w1'), open('w2'), open('w3')]],
    ['data before it is accepted', [open('w1'), data('w1')]],
    ['two ends', [open('w1'), close('w1'), close('w1')]],
  ])('refuses %s', (_name, messages) => {
    const each = hub()
    expect(messages.map((message) => each.receive(message))).toEqual([...messages.slice(1).map(() => true), false])
  })

  it('refuses data beyond the credit, and behind the end', () => {
    const each = hub()
    each.receive(open('w1'))
    each.stream('w1', { windowBytes: 1000 })
    expect(each.receive(data('w1', 900))).toBe(true)
    expect(each.receive(data('w1', 900))).toBe(false)
    expect(each.receive(close('w1'))).toBe(true)
    expect(each.receive(data('w1'))).toBe(false)
  })

  it('takes what crossed with the last word of this side', async () => {
    const each = hub()
    each.receive(open('w1', 'a'))
    const channel = each.stream('a')
    void channel.end()
    each.receive(close('w1'))
    await channel.closed
    expect(each.receive({ type: 'stream-credit', streamId: 'w1', bytes: 5 })).toBe(true)
    expect(each.receive(close('w1', 'read'))).toBe(true)
    expect(each.receive(data('w1'))).toBe(false)
  })

  it('answers for what nobody asked for here, once the peer has given it up', () => {
    const sent: StreamMessage[] = []
    const each = createStreamHub({ side: 'host', sizes, send: (message) => sent.push(message) > 0 })
    for (const message of [open('w1'), close('w1', 'read'), close('w1')]) each.receive(message)
    expect(sent).toEqual([close('w1')])
    expect(each.counters.open).toBe(0)
  })

  it('fails a reader whose value is no value', async () => {
    const each = hub()
    each.receive(open('w1'))
    const reading = each.stream('w1').read()
    each.receive({ type: 'stream-data', streamId: 'w1', kind: 'value', data: new Uint8Array([0xc1]) })
    await expect(reading).rejects.toMatchObject({ code: 'VALUE_MALFORMED' })
  })

  it('opens no more than it may, Capsule’s own names apart', () => {
    const each = hub()
    for (const name of ['a', 'b']) each.stream(name)
    expect(() => each.stream('c')).toThrow(code('STREAM_LIMIT'))
    each.stream('capsule:c')
  })
})
