import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type Channel, createChannel } from './index.ts'

async function collect<T>(channel: Channel<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of channel) values.push(value)
  return values
}

/** Whether a promise has settled once all jobs that are ready have run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = (): void => void (settled = true)
  promise.then(settle, settle)
  await new Promise(setImmediate)
  return settled
}

describe('reading', () => {
  it('delivers values sent before close, in order, then ends', async () => {
    const channel = createChannel<number>()
    for (let value = 0; value < 5000; value++) channel.push(value)
    channel.close()
    expect(await collect(channel)).toEqual(Array.from({ length: 5000 }, (_, index) => index))
    expect(await channel.next()).toEqual({ done: true, value: undefined })
  })

  it('delivers the failure last and once', async () => {
    const channel = createChannel<number>()
    channel.push(1)
    channel.close(new Error('broken'))
    channel.close(new Error('second close'))
    expect(await channel.next()).toEqual({ done: false, value: 1 })
    await expect(channel.next()).rejects.toThrow('broken')
    expect(await channel.next()).toEqual({ done: true, value: undefined })
  })

  it('wakes waiting readers in order, one value each', async () => {
    const channel = createChannel<number>()
    const reads = [channel.next(), channel.next(), channel.next()]
    channel.push(1)
    channel.push(2)
    channel.close(new Error('broken'))
    const [first, second, third] = await Promise.allSettled(reads)
    expect(first).toMatchObject({ value: { value: 1 } })
    expect(second).toMatchObject({ value: { value: 2 } })
    expect(third).toMatchObject({ reason: { message: 'broken' } })
  })

  it('carries undefined as a value', async () => {
    const channel = createChannel<undefined>()
    channel.push(undefined)
    channel.close()
    expect(await channel.next()).toEqual({ done: false, value: undefined })
    expect(await channel.next()).toEqual({ done: true, value: undefined })
  })

  it('knows whether it was read', () => {
    const channel = createChannel<number>()
    channel.push(1)
    channel.shift()
    expect(channel.isRead).toBe(false)
    void channel.next()
    expect(channel.isRead).toBe(true)
  })

  it('tells what readers take', async () => {
    const onTake = vi.fn<(value: string, weight: number) => void>()
    const channel = createChannel<string>({ weigh: (text) => text.length, onTake })
    channel.push('four')
    await channel.next()
    const waiting = channel.next()
    channel.push('to')
    await waiting
    channel.push('dropped')
    channel.shift()
    expect(onTake.mock.calls).toEqual([
      ['four', 4],
      ['to', 2],
    ])
  })
})

describe('back-pressure', () => {
  it('makes send wait until the value fits', async () => {
    const channel = createChannel<number>({ capacity: 2 })
    await channel.send(1)
    await channel.send(2)
    const third = channel.send(3)
    expect(await isSettled(third)).toBe(false)
    expect(channel.trySend(4)).toBe(false)
    await channel.next()
    await third
    expect(channel.size).toBe(2)
  })

  it('does not let a small value overtake a waiting one', async () => {
    const channel = createChannel<string>({ capacity: 4, weigh: (text) => text.length })
    await channel.send('abc')
    const large = channel.send('defg')
    expect(channel.trySend('h')).toBe(false)
    const small = channel.send('h')
    channel.shift()
    await large
    expect(await isSettled(small)).toBe(false)
    expect(channel.shift()).toBe('defg')
    await small
    expect(channel.shift()).toBe('h')
  })

  it('takes one value larger than the capacity when it is empty', async () => {
    const channel = createChannel<string>({ capacity: 2, weigh: (text) => text.length })
    expect(channel.trySend('large')).toBe(true)
    expect(channel.trySend('x')).toBe(false)
    expect(channel.shift()).toBe('large')
    expect(channel.size).toBe(0)
  })

  it('lets push ignore the capacity', () => {
    const channel = createChannel<number>({ capacity: 1 })
    channel.push(1)
    channel.push(2)
    expect(channel.size).toBe(2)
  })

  it('refuses writers that wait when it is closed, and later ones', async () => {
    const channel = createChannel<number>({ capacity: 1, name: 'events' })
    await channel.send(1)
    const waiting = channel.send(2)
    channel.close()
    await expect(waiting).rejects.toMatchObject({ code: 'CHANNEL_CLOSED', message: 'events is closed' })
    await expect(channel.send(3)).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
    expect(() => channel.trySend(3)).toThrow(expect.objectContaining({ code: 'CHANNEL_CLOSED' }))
    expect(() => channel.push(3)).toThrow(expect.objectContaining({ code: 'CHANNEL_CLOSED' }))
    expect(await collect(channel)).toEqual([1])
  })
})

describe('cancel', () => {
  it('cancels a waiting send and forgets its value', async () => {
    const channel = createChannel<number>({ capacity: 1 })
    const controller = new AbortController()
    await channel.send(1)
    const waiting = channel.send(2, { signal: controller.signal })
    controller.abort('enough')
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    channel.close()
    expect(await collect(channel)).toEqual([1])
  })

  it('does not send when the signal has fired', async () => {
    const channel = createChannel<number>()
    await expect(channel.send(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(channel.size).toBe(0)
  })

  it('leaves no listener behind, however a send ends', async () => {
    const channel = createChannel<number>({ capacity: 1 })
    const { signal } = new AbortController()
    await channel.send(1, { signal })
    const admitted = channel.send(2, { signal })
    const refused = channel.send(3, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(2)
    channel.shift()
    await admitted
    channel.close()
    await expect(refused).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('a reader that leaves', () => {
  it('drops what is queued and what comes, frees writers and tells once', async () => {
    const onAbandon = vi.fn<() => void>()
    const channel = createChannel<number>({ capacity: 1, onAbandon })
    channel.push(1)
    channel.push(2)
    const waiting = channel.send(3)
    for await (const value of channel) if (value === 1) break
    await waiting
    await channel.send(4)
    await channel.return?.()
    expect(channel.isAbandoned).toBe(true)
    expect(channel.size).toBe(0)
    expect(onAbandon).toHaveBeenCalledTimes(1)
  })

  it('ends the other readers, and those that come later', async () => {
    const channel = createChannel<number>()
    const waiting = channel.next()
    await channel.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await channel.next()).toEqual({ done: true, value: undefined })
    channel.close(new Error('nobody listens'))
    expect(await channel.next()).toEqual({ done: true, value: undefined })
  })
})

function codeOf(call: () => void): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

/** What the channel must do, as plain arrays: everything sent goes to `queue` or `waiting`, in order. */
class Model {
  readonly capacity: number
  queue: number[] = []
  waiting: number[] = []
  delivered: number[] = []
  isClosed = false

  constructor(capacity: number) {
    this.capacity = capacity
  }
  get size(): number {
    return this.queue.reduce((sum, value) => sum + value, 0)
  }
  fits(value: number): boolean {
    return this.queue.length === 0 || this.size + value <= this.capacity
  }
  admit(): void {
    while (this.waiting.length > 0 && this.fits(this.waiting[0] as number))
      this.queue.push(this.waiting.shift() as number)
  }
}

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('send', 'try', 'push'), value: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('next', 'shift'), value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close'), value: fc.constant(0) }) },
)

describe('any order of operations', () => {
  it('agrees with the model on order, back-pressure and close', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.array(operation, { maxLength: 80 }),
      async (capacity, steps) => {
        const model = new Model(capacity)
        const channel = createChannel<number>({ capacity, weigh: (value) => value })
        const sends: Promise<unknown>[] = []
        const taken: (number | undefined)[] = []
        const observed: unknown[] = []
        const expected: unknown[] = []
        for (const { kind, value } of steps) {
          if (model.isClosed && kind !== 'next' && kind !== 'shift' && kind !== 'close') {
            observed.push(codeOf(() => channel.push(value)))
            expected.push('CHANNEL_CLOSED')
            continue
          }
          switch (kind) {
            case 'send':
              sends.push(channel.send(value).catch((error: unknown) => error))
              if (model.waiting.length === 0 && model.fits(value)) model.queue.push(value)
              else model.waiting.push(value)
              break
            case 'try': {
              const accepts = model.waiting.length === 0 && model.fits(value)
              observed.push(channel.trySend(value))
              expected.push(accepts)
              if (accepts) model.queue.push(value)
              break
            }
            case 'push':
              channel.push(value)
              model.queue.push(value)
              break
            case 'close':
              channel.close()
              model.isClosed = true
              model.waiting = []
              break
            default: {
              const next = model.queue.shift()
              model.admit()
              // a read of an empty open channel would wait
              if (kind === 'shift' || (next === undefined && !model.isClosed)) taken.push(channel.shift())
              else taken.push((await channel.next()).value)
              model.delivered.push(next as number)
            }
          }
          observed.push(channel.size)
          expected.push(model.size)
        }
        channel.close()
        expect(observed).toEqual(expected)
        expect(taken).toEqual(model.delivered)
        expect(await collect(channel)).toEqual(model.queue)
        await Promise.all(sends)
      },
    )
    await fc.assert(property, { numRuns: 300 })
  })
})
