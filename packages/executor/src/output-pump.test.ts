import type { ResultMessage } from '@capsule/protocol'
import { createFakeClock, type FakeClock } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import type { ExecutorMessage } from './executor.ts'
import {
  createOutputPump,
  type OutputPump,
  type OutputPumpOptions,
  type OutputPumpSettings,
  type UncountedTerminal,
} from './output-pump.ts'

const settings: OutputPumpSettings = {
  backPressure: 'block',
  outputBufferBytes: 100,
  outputChunkBytes: 25,
  drainTimeoutMs: 1000,
  suppressDrainErrors: false,
}

interface Bench {
  readonly pump: OutputPump
  readonly sent: ExecutorMessage[]
  readonly clock: FakeClock
  texts(): string[]
  /** Whether `send` reports a free way. */
  isFree: boolean
}

function open({
  settings: more,
  ...options
}: Partial<Omit<OutputPumpOptions, 'settings'>> & { settings?: Partial<OutputPumpSettings> } = {}): Bench {
  const clock = createFakeClock()
  const sent: ExecutorMessage[] = []
  const send = (message: ExecutorMessage): boolean => {
    sent.push(message)
    return bench.isFree
  }
  const pump = createOutputPump({ clock, send, ...options, settings: { ...settings, ...more } })
  const texts = () => sent.map((message) => (message.type === 'output' ? message.text : message.type))
  const bench = { pump, sent, clock, texts, isFree: true }
  return bench
}

const result = (executionId: string): UncountedTerminal => ({
  type: 'result',
  executionId,
  cell: 1,
  mode: 'simple',
  executor: 'test',
  durationMs: 1,
  text: 'ok',
})

it('sends a first write at once and joins what has to wait', () => {
  const bench = open()
  bench.isFree = false
  bench.pump.write('a', 'stdout', 'first ')
  for (const text of ['1', '2', '3']) bench.pump.write('a', 'stdout', text)
  bench.pump.write('a', 'stderr', 'e')
  bench.pump.write('b', 'stderr', 'f')
  bench.pump.send(result('a'))
  expect(bench.texts()).toEqual(['first '])
  bench.isFree = true
  bench.pump.resume()
  expect(bench.texts()).toEqual(['first ', '123', 'e', 'f', 'result'])
  expect(bench.sent.at(-1)).toMatchObject({ output: { bytes: 10, droppedBytes: 0, droppedChunks: 0 } })
})

it('joins the writes of a batch although the way is free', () => {
  const bench = open()
  bench.pump.batch(() => {
    bench.pump.write('a', 'stdout', 'x')
    bench.pump.write('a', 'stdout', 'y')
    bench.pump.send(result('a'))
  })
  expect(bench.texts()).toEqual(['xy', 'result'])
})

describe('gathering', () => {
  const gathering = (more: Partial<OutputPumpSettings> = {}): Bench => open({ gatherMs: 2, settings: more })

  it('sends the first write of a turn at once and the rest when the turn ends', async () => {
    const bench = gathering()
    for (const text of ['1', '2', '3']) bench.pump.write('a', 'stdout', text)
    expect([bench.texts(), bench.pump.queuedBytes]).toEqual([['1'], 2])
    await Promise.resolve()
    expect([bench.texts(), bench.pump.queuedBytes]).toEqual([['1', '23'], 0])
    for (const text of ['4', '5']) bench.pump.write('a', 'stdout', text)
    expect(bench.texts()).toEqual(['1', '23', '4'])
  })

  it('sends what has filled a chunk', () => {
    const bench = gathering()
    for (const text of ['1', 'x'.repeat(20), 'y'.repeat(10), 'z']) bench.pump.write('a', 'stdout', text)
    expect(bench.texts()).toEqual(['1', 'x'.repeat(20), 'y'.repeat(10)])
  })

  it('sends after 2 ms of continued printing', () => {
    const bench = gathering()
    for (const text of ['1', '2']) bench.pump.write('a', 'stdout', text)
    bench.clock.advance(2)
    for (const text of ['3', '4']) bench.pump.write('a', 'stdout', text)
    expect(bench.texts()).toEqual(['1', '23'])
  })

  it('sends ahead of a message and when it is told to', () => {
    const bench = gathering()
    for (const text of ['1', '2']) bench.pump.write('a', 'stdout', text)
    bench.pump.send(result('a'))
    bench.pump.write('b', 'stdout', '3')
    bench.pump.sendGathered()
    expect(bench.texts()).toEqual(['1', '2', 'result', '3'])
  })

  it('refuses no write while the way is free', () => {
    const bench = gathering({ backPressure: 'error' })
    for (const text of ['1', 'x'.repeat(20), 'y'.repeat(95)])
      expect(bench.pump.write('a', 'stdout', text)).toBe('accepted')
  })
})

it('splits behind newlines, between characters, and never inside \\r\\n', () => {
  const bench = open({ settings: { outputBufferBytes: 1e6, outputChunkBytes: 10 } })
  bench.pump.write('a', 'stdout', '123456\n7890abcde😀xyz')
  bench.pump.write('a', 'stdout', '123456789\r\n')
  bench.pump.write('a', 'stdout', 'ééééééé')
  expect(bench.texts()).toEqual(['123456\n', '7890abcde', '😀xyz', '123456789', '\r\n', 'ééééé', 'éé'])
})

it('passes lone surrogates on as U+FFFD, as an encoder would', () => {
  const bench = open()
  bench.pump.write('a', 'stdout', 'a\ud83d')
  expect(bench.texts()).toEqual(['a\ufffd'])
})

it('spends the window on output only, and waits for credit in order', () => {
  const bench = open({ windowBytes: 5 })
  bench.pump.write('a', 'stdout', '12345678')
  bench.pump.send(result('a'))
  bench.pump.send(result('b'))
  expect(bench.texts()).toEqual(['12345'])
  bench.pump.credit(2)
  expect(bench.texts()).toEqual(['12345', '67'])
  bench.pump.credit(10)
  expect(bench.texts()).toEqual(['12345', '67', '8', 'result', 'result'])
})

describe('the end of a stopped execution', () => {
  const stopped = (executionId: string): UncountedTerminal => {
    const { type: _type, text: _text, ...settlement } = result(executionId) as ResultMessage
    const error = { name: 'CellCancelledError', message: 'stopped' }
    return { ...settlement, type: 'error', terminal: true, status: 'cancelled', rung: 2, error }
  }

  it('waits for no credit, and neither does what is before it', () => {
    const bench = open({ windowBytes: 10 })
    bench.pump.write('a', 'stdout', 'x'.repeat(40))
    bench.pump.show({ type: 'progress', executionId: 'a', done: 1 })
    expect(bench.texts().join('')).toBe('x'.repeat(10))
    bench.pump.send(stopped('a'))
    expect(bench.texts()).toEqual(['x'.repeat(10), 'x'.repeat(25), 'xxxxx', 'progress', 'error'])
    expect(bench.pump.queuedBytes).toBe(0)
  })

  it('is paid for later: credit counts from below zero', () => {
    const bench = open({ windowBytes: 10 })
    bench.pump.write('a', 'stdout', 'x'.repeat(40))
    bench.pump.send(stopped('a'))
    bench.pump.write('b', 'stdout', 'next')
    bench.pump.credit(30)
    expect(bench.texts().at(-1)).toBe('error')
    bench.pump.credit(10)
    expect(bench.texts().at(-1)).toBe('next')
  })
})

it('makes progress when the window or the chunk is smaller than one character', () => {
  const bench = open({ windowBytes: 1, settings: { outputChunkBytes: 1 } })
  bench.pump.write('a', 'stdout', '😀\r\n')
  expect(bench.texts()).toEqual(['😀'])
  bench.pump.credit(4)
  expect(bench.texts()).toEqual(['😀', '\r\n'])
})

describe('a full buffer', () => {
  const fill = (backPressure: OutputPumpSettings['backPressure'], more: Partial<OutputPumpOptions> = {}): Bench => {
    const bench = open({ ...more, settings: { backPressure } })
    bench.isFree = false
    bench.pump.write('a', 'stdout', '!')
    bench.pump.write('a', 'stdout', 'x'.repeat(50))
    bench.pump.write('a', 'stderr', 'y'.repeat(50))
    expect(bench.pump.isFull).toBe(true)
    return bench
  }

  it('refuses in mode block, and tells when there is room', () => {
    const rooms: number[] = []
    const bench: Bench = fill('block', { onRoom: () => rooms.push(bench.pump.queuedBytes) })
    expect(bench.pump.write('a', 'stdout', 'z'.repeat(60))).toBe('full')
    expect(bench.pump.queuedBytes).toBe(100)
    bench.pump.resume()
    expect([rooms, bench.pump.isFull]).toEqual([[], true])
    bench.isFree = true
    bench.pump.resume()
    expect([rooms, bench.pump.isFull]).toEqual([[0], false])
    expect(bench.pump.write('a', 'stdout', 'z')).toBe('accepted')
  })

  it('takes a text larger than the buffer when nothing else waits', () => {
    const bench = open()
    bench.isFree = false
    bench.pump.write('a', 'stdout', '!')
    expect(bench.pump.write('a', 'stdout', 'x'.repeat(500))).toBe('accepted')
    expect(bench.pump.write('a', 'stdout', 'y')).toBe('full')
  })

  it('refuses and counts in mode error', () => {
    const bench = fill('error')
    expect(bench.pump.write('a', 'stdout', 'zz')).toBe('overflow')
    expect(bench.pump.counters).toEqual({ bytes: 1, droppedBytes: 2, droppedChunks: 1 })
  })

  it('drops the new text in mode drop-new', () => {
    const dropped: unknown[] = []
    const bench = fill('drop-new', { onDropped: (event) => dropped.push(event) })
    expect(bench.pump.write('b', 'stderr', 'zz')).toBe('accepted')
    expect(dropped).toEqual([{ executionId: 'b', stream: 'stderr', bytes: 2 }])
  })

  it('drops the oldest text and no message in mode drop-oldest', () => {
    const bench = open({ settings: { backPressure: 'drop-oldest' } })
    bench.isFree = false
    bench.pump.write('a', 'stdout', '!')
    bench.pump.send(result('b'))
    bench.pump.write('a', 'stdout', 'x'.repeat(100))
    bench.pump.write('a', 'stderr', 'y'.repeat(10))
    bench.pump.send(result('a'))
    bench.isFree = true
    bench.pump.resume()
    expect(bench.texts()).toEqual([
      '!',
      'result',
      ...Array.from({ length: 3 }, () => 'x'.repeat(25)),
      'y'.repeat(10),
      'result',
    ])
    expect(bench.sent.at(-1)).toMatchObject({ output: { bytes: 86, droppedBytes: 25, droppedChunks: 1 } })
  })
})

describe('the drain deadline', () => {
  it('replaces the result by an error, and leaves other executions alone', () => {
    const bench = open({ windowBytes: 3 })
    bench.pump.write('a', 'stdout', 'aaaaa')
    bench.pump.write('b', 'stdout', 'bbbbb')
    bench.pump.send({ type: 'error', terminal: false, executionId: 'a', error: { name: 'Error', message: 'uncaught' } })
    bench.pump.send({ ...result('a'), tainted: true })
    bench.clock.advance(999)
    expect(bench.texts()).toEqual(['aaa'])
    bench.clock.advance(1)
    expect(bench.sent.slice(1)).toMatchObject([
      { type: 'error', terminal: false },
      {
        type: 'error',
        terminal: true,
        executionId: 'a',
        status: 'error',
        tainted: true,
        output: { bytes: 3, droppedBytes: 2, droppedChunks: 1 },
        error: { code: 'OUTPUT_NOT_DRAINED' },
      },
    ])
    expect(bench.sent.at(-1)).not.toHaveProperty('text')
    bench.pump.send(result('b'))
    bench.pump.credit(100)
    expect(bench.texts().slice(3)).toEqual(['bbbbb', 'result'])
    expect(bench.sent.at(-1)).toMatchObject({ output: { bytes: 5, droppedBytes: 0 } })
  })

  it('counts from the last progress', () => {
    const bench = open({ windowBytes: 1 })
    bench.pump.write('a', 'stdout', 'aaa')
    bench.pump.send(result('a'))
    bench.clock.advance(900)
    bench.pump.credit(1)
    bench.clock.advance(900)
    expect(bench.texts()).toEqual(['a', 'a'])
    bench.clock.advance(100)
    expect(bench.texts()).toEqual(['a', 'a', 'error'])
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it('delivers the result itself when all of its own output had left', () => {
    const bench = open({ windowBytes: 1 })
    bench.pump.write('b', 'stdout', 'bbb')
    bench.pump.send(result('a'))
    bench.clock.advance(1000)
    expect(bench.texts()).toEqual(['b', 'result'])
  })

  it('warns once and delivers the results when suppressed', () => {
    const bench = open({ windowBytes: 1, settings: { suppressDrainErrors: true } })
    for (const id of ['a', 'b']) {
      bench.pump.write(id, 'stdout', 'xxx')
      bench.pump.send(result(id))
    }
    bench.clock.advance(1000)
    expect(bench.sent.map(({ type }) => type)).toEqual(['output', 'output', 'result', 'result'])
    expect(bench.sent[1]).toMatchObject({ stream: 'stderr', text: expect.stringContaining('1000 ms') as string })
  })

  it('keeps the error of the cell as the cause', () => {
    const bench = open({ windowBytes: 1 })
    bench.pump.write('a', 'stdout', 'xxx')
    const { text: _text, ...settlement } = result('a') as UncountedTerminal & { text: string }
    const error = { name: 'RangeError', message: 'mine' }
    bench.pump.send({ ...settlement, type: 'error', terminal: true, status: 'error', error } as UncountedTerminal)
    bench.clock.advance(1000)
    expect(bench.sent.at(-1)).toMatchObject({ error: { code: 'OUTPUT_NOT_DRAINED', cause: error } })
  })
})

it('flags what is written behind a queued result as late', () => {
  const bench = open()
  bench.isFree = false
  bench.pump.write('a', 'stdout', '1')
  bench.pump.send(result('a'))
  bench.pump.send(result('a'))
  bench.pump.write('a', 'stdout', '2')
  bench.isFree = true
  bench.pump.resume()
  expect(bench.texts()).toEqual(['1', 'result', '2'])
  expect(bench.sent.at(-1)).toHaveProperty('late', true)
})

it('resolves flush when what was queued has left, and on dispose', async () => {
  const bench = open({ windowBytes: 1 })
  await bench.pump.flush()
  bench.pump.write('a', 'stdout', 'xy')
  let isFlushed = false
  const flushed = bench.pump.flush().then(() => (isFlushed = true))
  await Promise.resolve()
  expect(isFlushed).toBe(false)
  bench.pump.credit(1)
  await flushed
  bench.pump.write('a', 'stdout', 'xy')
  const dropped = bench.pump.flush()
  bench.pump.dispose()
  await dropped
  bench.pump.credit(100)
  bench.pump.write('a', 'stdout', 'never')
  expect(bench.texts()).toEqual(['x', 'y'])
})
