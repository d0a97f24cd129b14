import assert from 'node:assert/strict'
import { streamCost, type StreamMessage } from '@capsule/protocol'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { StreamChannel } from './stream-channel.ts'
import { createStreamHub, type StreamHub } from './stream-hub.ts'

type Side = 'host' | 'worker'
const names = ['a', 'b', 'c'] as const

const side = fc.constantFrom<Side>('host', 'worker')
const name = fc.constantFrom(...names)
const onChannel = <Kind extends string>(kind: Kind) => fc.record({ kind: fc.constant(kind), side, name })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('bytes' as const), side, name, length: fc.nat(700) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('value' as const), side, name, length: fc.nat(700) }) },
  { weight: 6, arbitrary: onChannel('read') },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('carry' as const), side }) },
  { weight: 1, arbitrary: onChannel('abort') },
  { weight: 1, arbitrary: onChannel('end') },
  { weight: 1, arbitrary: onChannel('fail') },
  { weight: 1, arbitrary: onChannel('cancel') },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall' as const), side }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume' as const), side }) },
)

interface Written {
  readonly id: number
  readonly length: number
  readonly abort: AbortController
  readonly settled: Promise<'sent' | 'aborted' | 'refused'>
}

/** What one side did with one channel. */
interface Tape {
  readonly channel: StreamChannel
  readonly written: Written[]
  /** The id of a write for each byte that came of it. */
  readonly read: number[]
  readonly reads: Promise<unknown>[]
  readonly told: Set<string>
  hasCancelled: boolean
  hasEnded: boolean
  isFailed: boolean
  isAtEnd: boolean
  failures: string[]
}

/** Looks at the wire alone: nobody sends what was not granted. */
function createMeter() {
  const windows = new Map<string, number>()
  const credits = new Map<string, number>()
  return (from: Side, message: StreamMessage): void => {
    const to = from === 'host' ? 'worker' : 'host'
    switch (message.type) {
      case 'stream-open':
        windows.set(`${to} ${message.streamId}`, message.windowBytes)
        credits.set(`${to} ${message.streamId}`, message.windowBytes)
        return
      case 'stream-credit': {
        const key = `${to} ${message.streamId}`
        if (!windows.has(key)) windows.set(key, message.bytes)
        credits.set(key, (credits.get(key) ?? 0) + message.bytes)
        return
      }
      case 'stream-data': {
        const key = `${from} ${message.streamId}`
        const credit = credits.get(key) ?? 0
        const cost = streamCost(message)
        assert(cost <= credit || credit === windows.get(key), 'the credit is kept to')
        credits.set(key, credit - cost)
        return
      }
      case 'stream-close':
    }
  }
}

class Model {
  readonly hubs: Record<Side, StreamHub>
  readonly #queues: Record<Side, StreamMessage[]> = { host: [], worker: [] }
  readonly #isFree: Record<Side, boolean> = { host: true, worker: true }
  readonly #tapes = new Map<string, Tape>()
  readonly #windowBytes: number
  readonly #meter = createMeter()
  #writes = 0

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
    const hub = (own: Side): StreamHub =>
      createStreamHub({
        side: own,
        sizes: { pieceBytes: 100, valueBytes: 1000 },
        send: (message) => {
          this.#meter(own, message)
          this.#queues[own].push(structuredClone(message))
          return this.#isFree[own]
        },
      })
    this.hubs = { host: hub('host'), worker: hub('worker') }
  }

  /** Each side takes a channel of each name once: what comes after its end is another one. */
  tape(own: Side, channelName: string): Tape {
    const key = `${own} ${channelName}`
    const known = this.#tapes.get(key)
    if (known !== undefined) return known
    const tape: Tape = {
      channel: this.hubs[own].stream(channelName, { windowBytes: this.#windowBytes }),
      written: [],
      read: [],
      reads: [],
      told: new Set(),
      hasCancelled: false,
      hasEnded: false,
      isFailed: false,
      isAtEnd: false,
      failures: [],
    }
    this.#tapes.set(key, tape)
    return tape
  }

  write(tape: Tape, kind: 'bytes' | 'value', length: number): void {
    const id = ++this.#writes
    const abort = new AbortController()
    const chunk = new Uint8Array(length).fill(id)
    const settled = tape.channel
      .write(kind === 'bytes' ? chunk : { id, text: 'x'.repeat(length) }, { signal: abort.signal })
      .then(
        () => 'sent' as const,
        ({ code }: { code: string }) => {
          assert(['CANCELLED', 'STREAM_CANCELLED', 'STREAM_ENDED'].includes(code))
          return code === 'CANCELLED' ? ('aborted' as const) : ('refused' as const)
        },
      )
    tape.written.push({ id, length: kind === 'bytes' ? length : 1, abort, settled })
  }

  read(tape: Tape): Promise<void> {
    const reading = tape.channel.read().then(
      ({ done, value }) => {
        if (done === true) tape.isAtEnd = true
        else if (value instanceof Uint8Array) tape.read.push(...value)
        else tape.read.push((value as { id: number }).id)
      },
      ({ code }: { code: string }) => void tape.failures.push(code),
    )
    tape.reads.push(reading)
    return reading
  }

  carry(from: Side): boolean {
    const message = this.#queues[from].shift()
    if (message === undefined) return false
    assert(this.hubs[from === 'host' ? 'worker' : 'host'].receive(message), 'what is sent is expected')
    return true
  }

  stall(own: Side): void {
    this.#isFree[own] = false
  }

  resume(own: Side): void {
    this.#isFree[own] = true
    this.hubs[own].resume()
  }

  /** Lets everything come to its end, and checks what came. */
  async finish(): Promise<void> {
    const pairs = names.map((each) => [this.tape('host', each), this.tape('worker', each)] as const)
    const waits: Promise<unknown>[] = []
    for (const tape of pairs.flat()) {
      waits.push(tape.channel.end(), tape.channel.closed, this.#readToEnd(tape), ...tape.written.map((w) => w.settled))
    }
    this.resume('host')
    this.resume('worker')
    let isOver = false
    const all = Promise.allSettled(waits).then(() => (isOver = true))
    for (let idle = 0; !isOver && idle < 20;) {
      idle = this.carry('host') || this.carry('worker') ? 0 : idle + 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert(isOver, 'nothing hangs')
    await all
    await Promise.all(pairs.flat().flatMap((tape) => tape.reads))
    for (const [one, other] of pairs) {
      await this.#check(one, other)
      await this.#check(other, one)
    }
    assert.deepEqual([this.hubs.host.counters.open, this.hubs.worker.counters.open], [0, 0])
  }

  async #readToEnd(tape: Tape): Promise<void> {
    while (!tape.isAtEnd) await this.read(tape)
  }

  /** All that was written, whole and in order, as far as it was read. */
  async #check(writer: Tape, reader: Tape): Promise<void> {
    const came = new Set(reader.read)
    const expected: number[] = []
    for (const { id, length, settled } of writer.written) {
      const isExpected = (await settled) === 'sent' || came.has(id)
      for (let index = 0; isExpected && index < length; index++) expected.push(id)
    }
    if (reader.hasCancelled) assert.deepEqual(expected.slice(0, reader.read.length), reader.read)
    else {
      assert.deepEqual(reader.read, expected)
      assert.deepEqual(reader.failures, writer.isFailed ? ['STREAM_FAILED'] : [])
    }
  }
}

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function perform(model: Model, each: Step): void {
  if (each.kind === 'carry') return void model.carry(each.side)
  if (each.kind === 'stall') return model.stall(each.side)
  if (each.kind === 'resume') return model.resume(each.side)
  const tape = model.tape(each.side, each.name)
  switch (each.kind) {
    case 'bytes':
    case 'value':
      return model.write(tape, each.kind, each.length)
    case 'read':
      return void model.read(tape)
    case 'abort':
      return tape.written.at(-1)?.abort.abort()
    case 'end':
    case 'fail':
      tape.isFailed ||= each.kind === 'fail' && !tape.hasEnded
      tape.hasEnded = true
      return void (each.kind === 'end' ? tape.channel.end() : tape.channel.fail(new Error('no'))).catch(() => {})
    case 'cancel':
      tape.hasCancelled = true
      return tape.channel.cancel('enough')
  }
}

it('delivers whole and in order within the credit, and hangs nowhere, in any interleaving', async () => {
  const windowBytes = fc.constantFrom(1, 100, 300, 5000)
  const checking = fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), windowBytes, async (steps, window) => {
      const model = new Model(window)
      for (const each of steps) {
        perform(model, each)
        await Promise.resolve()
      }
      await model.finish()
    }),
    { numRuns: 300 },
  )
  expect(await checking).toBeUndefined()
}, 60_000)
