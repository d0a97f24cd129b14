import assert from 'node:assert/strict'
import { createCountingIds } from '@capsule/core'
import { createSession, type Execution, type ExecutionEvent, type Outcome } from '@capsule/session'
import { createScriptedWorker } from '@capsule/session/testing'
import { createFakeClock, waitFor } from '@capsule/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eventsOf } from './open-session.ts'

/** What a worker says next, or what a caller does; `of` chooses one of those in flight, or of all for a caller. */
type Step = { readonly of: number } & (
  | { readonly do: 'execute' | 'cancel' | 'output' | 'display' | 'display-part' | 'progress' | 'input' | 'uncaught' }
  | { readonly do: 'stray' | 'result' | 'error' | 'interrupt' | 'late' }
)

const doings: readonly Step['do'][] = [
  'execute',
  'execute',
  'execute',
  'cancel',
  'output',
  'output',
  'display',
  'display-part',
  'display-part',
  'progress',
  'input',
  'uncaught',
  'stray',
  'result',
  'error',
  'interrupt',
  'late',
]
const steps = fc.array(fc.record({ do: fc.constantFrom(...doings), of: fc.nat(9) }) as fc.Arbitrary<Step>, {
  minLength: 10,
  maxLength: 60,
})

/** One execution as this test expects it to be seen. */
interface Expected {
  readonly execution: Execution
  readonly events: Promise<ExecutionEvent[]>
  /** Of each event, what tells it from all others. */
  readonly marks: string[]
  status: Outcome['status'] | undefined
  unfinishedDisplay: string | undefined
}

const limit = 3

class Model {
  readonly all: Expected[] = []
  readonly late: string[] = []
  /** In the order in which they must start. */
  queue: Expected[] = []
  running: Expected[] = []
  #marks = 0
  readonly #worker = createScriptedWorker()
  readonly #session

  static async open(): Promise<Model> {
    const model = new Model()
    await waitFor(model.#session)
    return model
  }

  constructor() {
    const connect = this.#worker.connect
    const clock = createFakeClock()
    this.#session = createSession({ connect, clock, ids: createCountingIds(), maxConcurrentExecutions: limit })
    void this.#session.then(({ events }) => events.on('late', (event) => this.late.push(markOf(event) ?? '')))
  }

  async step({ do: what, of }: Step): Promise<void> {
    const session = await this.#session
    const { process } = this.#worker
    if (what === 'execute') return this.#execute()
    if (what === 'interrupt') return void session.interrupt()
    const each = what === 'cancel' ? this.all[of % this.all.length] : this.running[of % this.running.length]
    if (what === 'late') {
      const settled = this.all.filter(({ status }) => status !== undefined && status !== 'crashed')
      const cause = settled[of % settled.length]
      const wasSent = process.received.some(
        (message) => message.type === 'execute' && message.executionId === cause?.execution.executionId,
      )
      if (cause === undefined || !wasSent) return
      process.output(cause.execution.executionId, this.#mark(), { late: true })
      this.#lateMarks.push(this.#lastMark)
      return this.#settleWire()
    }
    if (each === undefined) return
    const { executionId } = each.execution
    switch (what) {
      case 'cancel':
        void each.execution.cancel()
        if (this.queue.includes(each)) {
          this.queue = this.queue.filter((other) => other !== each)
          each.status = 'cancelled'
        }
        return
      case 'output':
        each.marks.push(this.#mark())
        process.output(executionId, this.#lastMark)
        break
      case 'display':
        each.unfinishedDisplay = undefined
        each.marks.push(this.#mark())
        this.#display(executionId, this.#lastMark)
        break
      case 'display-part': {
        const begun = each.unfinishedDisplay
        this.#display(executionId, begun ?? this.#mark(), { index: begun === undefined ? 0 : 1, count: 2 })
        if (begun === undefined) each.unfinishedDisplay = this.#lastMark
        else {
          each.unfinishedDisplay = undefined
          each.marks.push(begun)
        }
        break
      }
      case 'progress':
        each.marks.push(this.#mark())
        process.send({ type: 'progress', executionId, done: 1, text: this.#lastMark })
        break
      case 'input':
        each.marks.push(this.#mark())
        // the same prompt for all: only the ids tell them apart
        process.send({ type: 'input-request', executionId, inputId: this.#lastMark, prompt: 'name? ' })
        await this.#settleWire()
        await each.execution.respond(this.#lastMark, 'Ada')
        assert.partialDeepStrictEqual(await waitFor(process.next('input-response')), {
          executionId,
          inputId: this.#lastMark,
        })
        return
      case 'uncaught': {
        each.marks.push(this.#mark())
        const error = { name: 'Error', message: this.#lastMark }
        process.send({ type: 'error', terminal: false, executionId, error })
        break
      }
      case 'stray':
        this.running.at(-1)?.marks.push(this.#mark())
        process.stray('stdout', this.#lastMark)
        break
      case 'result':
      case 'error':
        return this.#end(each, what)
    }
    await this.#settleWire()
  }

  async finish(): Promise<void> {
    for (let each = this.running[0]; each !== undefined; each = this.running[0]) await this.#end(each, 'result')
    for (const { execution, events, marks, status } of this.all) {
      const { executionId } = execution
      const seen = await waitFor(events)
      assert.deepEqual(seen.map(markOf), marks)
      assert.ok(seen.every((event) => event.executionId === executionId))
      assert.partialDeepStrictEqual(await waitFor(execution.outcome), { executionId, status, state: 'kept' })
    }
    const session = await this.#session
    assert.deepEqual(this.late, this.#lateMarks)
    const { counters, state } = session.info()
    assert.equal(state, 'ready')
    assert.partialDeepStrictEqual(counters, { running: 0, queued: 0, invalidMessages: 0, executions: this.all.length })
    assert.equal(
      Object.values(counters.byStatus).reduce((sum, count) => sum + count),
      this.all.length,
    )
    await session.shutdown({ graceMs: 0 })
  }

  readonly #lateMarks: string[] = []

  async #execute(): Promise<void> {
    const execution = (await this.#session).execute('cell', { queue: true })
    const events = eventsOf(execution)
    const each = { execution, events, marks: [], status: undefined, unfinishedDisplay: undefined }
    this.all.push(each)
    this.queue.push(each)
    await this.#startNext()
  }

  /** Those whose turn it is must be sent, in order, and no other. */
  async #startNext(): Promise<void> {
    while (this.running.length < limit) {
      const next = this.queue.shift()
      if (next === undefined) return
      const { executionId } = await waitFor(this.#worker.process.next('execute'))
      assert.equal(executionId, next.execution.executionId)
      this.#worker.process.ack(executionId)
      this.running.push(next)
    }
    assert.partialDeepStrictEqual((await this.#session).info().counters, { running: limit, queued: this.queue.length })
  }

  async #end(each: Expected, how: 'result' | 'error'): Promise<void> {
    const { executionId } = each.execution
    const { process } = this.#worker
    if (how === 'result') process.result(executionId)
    else process.error(executionId)
    each.status = how === 'result' ? 'ok' : 'error'
    // the events are all there before anyone learns of the outcome
    await waitFor(each.execution.outcome)
    this.running = this.running.filter((other) => other !== each)
    await this.#startNext()
  }

  #display(executionId: string, text: string, part?: { index: number; count: number }): void {
    const data = { 'text/plain': part?.index === 1 ? '' : text }
    this.#worker.process.send({
      type: 'display',
      executionId,
      displayId: text,
      action: 'show',
      data,
      ...(part === undefined ? {} : { part }),
    })
  }

  #mark(): string {
    this.#marks++
    return this.#lastMark
  }

  get #lastMark(): string {
    return `mark-${this.#marks}`
  }

  /** All that was sent before is read once the worker's answer to this question is there. */
  async #settleWire(): Promise<void> {
    const { process } = this.#worker
    const asked = (await this.#session).inspect({ what: 'namespace' })
    const { requestId } = await waitFor(process.next('inspect'))
    process.send({ type: 'inspect-result', requestId, answer: { what: 'namespace', bindings: [] } })
    await waitFor(asked)
  }
}

function markOf(event: ExecutionEvent): string | undefined {
  switch (event.type) {
    case 'output':
      return event.text
    case 'display':
      return event.data['text/plain'] as string
    case 'progress':
      return event.text
    case 'input-request':
      return event.inputId
    case 'error':
      return event.error.message
  }
}

it('keeps several executions apart, whatever comes in between', async () => {
  const property = fc.asyncProperty(steps, async (taken) => {
    const model = await Model.open()
    for (const step of taken) await model.step(step)
    await model.finish()
  })
  await expect(fc.assert(property, { numRuns: 60 })).resolves.toBeUndefined()
})
