import { createRecorder, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import type { ExecutionEvent } from '@capsule/session'
import { echo, eventsOf, openSession, sessionEvent, started } from './open-session.ts'

describe('execute', () => {
  it('delivers events in order, then ends with one outcome', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const { process } = open.worker
    process.output(id, 'one\n')
    process.output(id, 'two\n', { stream: 'stderr' })
    process.send({
      type: 'error',
      terminal: false,
      executionId: id,
      error: { name: 'Error', message: 'stray rejection' },
    })
    process.result(id, { text: '2', cell: 7 })
    expect(await eventsOf(execution)).toEqual([
      { type: 'output', executionId: id, stream: 'stdout', text: 'one\n' },
      { type: 'output', executionId: id, stream: 'stderr', text: 'two\n' },
      { type: 'error', executionId: id, error: { name: 'Error', message: 'stray rejection' } },
    ])
    expect(await execution.outcome).toEqual({
      executionId: id,
      status: 'ok',
      state: 'kept',
      text: '2',
      cell: 7,
      mode: 'simple',
      executor: 'scripted',
      durationMs: 1,
      output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
    })
  })

  it('keeps events that arrive before anyone iterates', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.output(id, 'early')
    open.worker.process.result(id)
    await waitFor(execution.outcome)
    expect(await eventsOf(execution)).toHaveLength(1)
  })

  it('resolves the outcome before the events end', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const order: string[] = []
    const ends = eventsOf(execution).then(() => order.push('events'))
    const settles = execution.outcome.then(() => order.push('outcome'))
    open.worker.process.result(id)
    await waitFor(Promise.all([ends, settles]))
    expect(order).toEqual(['outcome', 'events'])
  })

  it('reports a guest error with its details', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const cause = { name: 'Error', message: 'inner' }
    open.worker.process.error(id, { error: { name: 'TypeError', message: 'no', line: 2, column: 7, cause } })
    expect(await execution.outcome).toMatchObject({
      status: 'error',
      state: 'kept',
      error: { name: 'TypeError', message: 'no', line: 2, column: 7, cause },
    })
  })

  it('runs one cell at a time', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    expect(() => open.session.execute('second')).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }))
    open.worker.process.result(id)
    await execution.outcome
    const next = await started(open)
    open.worker.process.result(next.id)
    expect(await next.execution.outcome).toMatchObject({ status: 'ok' })
  })

  it('leaves a value that does not decode to its text', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id, { text: 'shown', value: new Uint8Array([255, 255, 255]) })
    const outcome = await execution.outcome
    expect(outcome).toMatchObject({ status: 'ok', text: 'shown' })
    expect('value' in outcome).toBe(false)
  })

  it('refuses wrong options by name', async () => {
    const { session } = await openSession()
    const typo = { timeout: 5 } as object
    expect(() => session.execute('1', typo)).toThrow(/timeout/)
    expect(() => session.execute(1 as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    await expect(session.run('1', typo)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('throws what is too large to send and stays usable', async () => {
    const { session } = await openSession({}, echo)
    expect(() => session.execute('x'.repeat(11 * 1024 * 1024))).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
    )
    expect((await session.run('1')).outcome.status).toBe('ok')
  })
})

describe('what fits nothing in flight', () => {
  it('is counted and ignored', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    const { process } = open.worker
    process.output('execution-1-99', 'from nowhere')
    process.result('execution-1-99')
    process.ready()
    process.sendRaw({ type: 'output', executionId: id })
    process.sendRaw({ type: 'from-the-future' })
    process.result(id)
    expect(await eventsOf(execution)).toEqual([])
    expect(open.session.info().counters).toMatchObject({ invalidMessages: 4, unknownMessages: 1 })
  })

  it('includes a second end: the first one counts', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id, { text: 'first' })
    open.worker.process.error(id)
    expect(await execution.outcome).toMatchObject({ status: 'ok', text: 'first' })
    expect(open.session.info().counters).toMatchObject({ invalidMessages: 1 })
  })

  it('gets the worker killed when there is too much of it', async () => {
    const open = await openSession()
    const { execution } = await started(open)
    for (let index = 0; index < 20; index++) open.worker.process.sendRaw({ type: 'result', executionId: 'forged' })
    expect(await execution.outcome).toMatchObject({
      status: 'crashed',
      state: 'lost',
      error: { code: 'WORKER_VIOLATED_PROTOCOL' },
    })
  })

  it('gets a worker killed that writes garbage', async () => {
    const open = await openSession()
    const { execution } = await started(open)
    open.worker.process.writeBytes(new Uint8Array([0xff, 0xff, 0xff, 0xff, 1]))
    expect(await execution.outcome).toMatchObject({ status: 'crashed', error: { code: 'WORKER_VIOLATED_PROTOCOL' } })
  })

  it('becomes a late event only for an execution of this session', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    await execution.outcome
    const late = createRecorder<ExecutionEvent>()
    open.session.events.on('late', late.record)
    open.worker.process.output('execution-1-2', 'of a cell to come', { late: true })
    open.worker.process.output('someone-else-1', 'forged', { late: true })
    open.worker.process.output(id, 'tick', { late: true })
    expect(await late.waitForCount(1)).toEqual([
      { type: 'output', executionId: id, stream: 'stdout', text: 'tick', late: true },
    ])
    expect(open.session.info().counters).toMatchObject({ lateEvents: 1, invalidMessages: 2 })
  })
})

describe('what comes late', () => {
  it('keeps the id of its own cell while another runs', async () => {
    const open = await openSession()
    const first = await started(open)
    open.worker.process.result(first.id)
    await first.execution.outcome
    const late = createRecorder<ExecutionEvent>()
    open.session.events.on('late', late.record)
    const second = await started(open)
    open.worker.process.output(first.id, 'tick', { late: true })
    const error = { name: 'Error', message: 'boom' }
    open.worker.process.send({ type: 'error', terminal: false, executionId: first.id, late: true, error })
    open.worker.process.result(second.id)
    expect(await eventsOf(second.execution)).toEqual([])
    expect(late.values).toEqual([
      { type: 'output', executionId: first.id, stream: 'stdout', text: 'tick', late: true },
      { type: 'error', executionId: first.id, error, late: true },
    ])
  })

  it('is not taken from a worker that never had the cell', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    await execution.outcome
    await waitFor(open.session.restart())
    const late = createRecorder<ExecutionEvent>()
    open.session.events.on('late', late.record)
    open.worker.process.output(id, 'forged', { late: true })
    const next = await started(open)
    open.worker.process.result(next.id)
    await next.execution.outcome
    expect(late.values).toEqual([])
    expect(open.session.info().counters).toMatchObject({ lateEvents: 0, invalidMessages: 1 })
  })
})

describe('text on fd 1 and 2', () => {
  it('belongs to the execution that runs when it was written before the terminal message', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.stray('stderr', 'native')
    open.worker.process.result(id)
    expect(await eventsOf(execution)).toEqual([{ type: 'output', executionId: id, stream: 'stderr', text: 'native' }])
  })

  it('is told as lost when the worker dies before it is read', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.result(id)
    open.worker.process.exit({ code: 3 })
    expect(await execution.outcome).toMatchObject({ status: 'ok', state: 'lost', exit: { code: 3 } })
  })

  it('is a stray event when nothing runs', async () => {
    const { session, worker } = await openSession()
    const stray = sessionEvent(session, 'stray')
    worker.process.stray('stdout', 'hello')
    expect(await stray).toEqual({ stream: 'stdout', text: 'hello' })
  })
})

describe('input', () => {
  it('is answered once, by its id', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    open.worker.process.send({ type: 'input-request', executionId: id, inputId: 'in-1', prompt: 'name? ' })
    for await (const event of execution) {
      expect(event).toEqual({ type: 'input-request', executionId: id, inputId: 'in-1', prompt: 'name? ' })
      await expect(execution.respond('in-2', 'x')).rejects.toMatchObject({ code: 'INPUT_NOT_PENDING' })
      await execution.respond('in-1', 'Ada')
      await expect(execution.respond('in-1', 'Ada')).rejects.toMatchObject({ code: 'INPUT_NOT_PENDING' })
      const { answer } = await open.worker.process.next('input-response')
      expect(answer).toEqual({ kind: 'text', text: 'Ada' })
      open.worker.process.result(id)
    }
    await expect(execution.respond('in-1', 'Ada')).rejects.toMatchObject({ code: 'INPUT_NOT_PENDING' })
  })

  it('is asked for once with one id', async () => {
    const open = await openSession()
    const { execution, id } = await started(open)
    for (let index = 0; index < 2; index++) {
      open.worker.process.send({ type: 'input-request', executionId: id, inputId: 'in-1', prompt: '' })
    }
    open.worker.process.result(id)
    expect(await eventsOf(execution)).toHaveLength(1)
    expect(open.session.info().counters).toMatchObject({ invalidMessages: 1 })
  })

  it('is answered by run({ onInput }), and with end of input without it', async () => {
    const { session, worker } = await openSession(
      {},
      {
        script(message, process) {
          if (message.type === 'execute') {
            process.ack(message.executionId)
            process.send({ type: 'input-request', executionId: message.executionId, inputId: 'in-1', prompt: 'p' })
          }
          if (message.type === 'input-response') {
            process.result(message.executionId, { text: JSON.stringify(message.answer) })
          }
        },
      },
    )
    expect(worker.process.generation).toBe(1)
    const answered = await session.run('', { onInput: async (prompt) => `${prompt}!` })
    expect(answered.outcome.text).toBe('{"kind":"text","text":"p!"}')
    expect((await session.run('')).outcome.text).toBe('{"kind":"eof"}')
  })
})

describe('run', () => {
  it('collects output per stream and caps it', async () => {
    const open = await openSession()
    const running = open.session.run('cell', { maxOutputLength: 5 })
    const { executionId } = await open.worker.process.next('execute')
    open.worker.process.ack(executionId)
    open.worker.process.output(executionId, 'abc')
    open.worker.process.output(executionId, 'defg', { stream: 'stderr' })
    open.worker.process.output(executionId, 'dropped')
    open.worker.process.result(executionId)
    const { outcome, stdout, stderr, events } = await waitFor(running)
    expect({ stdout, stderr, events: events.length }).toEqual({ stdout: 'abc', stderr: 'de', events: 2 })
    expect(outcome.truncated).toBe(true)
  })

  it('cancels the cell and rejects when a callback throws', async () => {
    const open = await openSession()
    const running = open.session.run('cell', {
      onEvent() {
        throw new Error('callback')
      },
    })
    const { executionId } = await open.worker.process.next('execute')
    open.worker.process.output(executionId, 'x')
    await open.worker.process.next('cancel')
    open.worker.process.error(executionId, { status: 'cancelled' })
    await expect(waitFor(running)).rejects.toThrow('callback')
    expect(open.session.info().state).toBe('ready')
  })
})
