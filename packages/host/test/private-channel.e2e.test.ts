import { expect, it, onTestFinished } from 'vitest'
import { createCapsule } from '../src/index.ts'
import { forgedResult, forging, framesOf } from './escape/forged-frames.ts'

it.each(['threaded', 'async'] as const)(
  'a cell that writes on the control channel settles no execution but its own (%s)',
  async (executor) => {
    const capsule = await createCapsule({ executor, isolation: 'process', session: { modules: true } })
    onTestFinished(() => capsule.shutdown())
    const hostile = await capsule.createSession()
    const other = await capsule.createSession()
    const before = await hostile.run("'before'")
    const waiting = other.execute("await input('?')")
    const events = waiting[Symbol.asyncIterator]()
    const { value: request } = await events.next()
    const forged = [before.outcome.executionId, waiting.executionId, 'execution-1']
    const frames = framesOf(hostile, [
      ...forged.map((executionId) => forgedResult(executionId)),
      { type: 'output', executionId: waiting.executionId, stream: 'stdout', text: 'forged' },
    ])
    expect((await hostile.run(`${forging(frames)} 'own'`)).outcome).toMatchObject({ status: 'ok', value: 'own' })
    expect(hostile.info().counters.invalidMessages).toBe(4)
    expect(other.info()).toMatchObject({ state: 'busy', counters: { invalidMessages: 0 } })
    if (request?.type !== 'input-request') throw new Error(`expected a question, got ${request?.type}`)
    await waiting.respond(request.inputId, 'Ada')
    expect(await events.next()).toMatchObject({ done: true })
    expect(await waiting.outcome).toMatchObject({ status: 'ok', value: 'Ada' })
    expect((await hostile.run("'after'")).outcome).toMatchObject({ status: 'ok', value: 'after' })
  },
)
