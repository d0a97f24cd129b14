import { type CodecName, createCodec, type ResultMessage } from '@capsule/protocol'
import type { Session } from '@capsule/session'
import { encodeFrame } from '@capsule/transport'
import { expect, it, onTestFinished } from 'vitest'
import { createCapsule } from '../src/index.ts'

const forgedResult = (executionId: string): ResultMessage => ({
  type: 'result',
  executionId,
  cell: 1,
  mode: 'simple',
  executor: 'forged',
  durationMs: 1,
  output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
  text: "'forged'",
})

/** A cell that writes messages where the worker writes its own, then gives its own value. */
function forgingCell(session: Session, messages: readonly object[]): string {
  const codec = createCodec(session.info().worker?.codec as CodecName)
  const frames = Buffer.concat(messages.map((message) => encodeFrame(codec.encode(message), Infinity)))
  return `require('node:fs').writeSync(4, Buffer.from('${frames.toString('base64')}', 'base64')); 'own'`
}

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
    const cell = forgingCell(hostile, [
      ...forged.map(forgedResult),
      { type: 'output', executionId: waiting.executionId, stream: 'stdout', text: 'forged' },
    ])
    expect((await hostile.run(cell)).outcome).toMatchObject({ status: 'ok', value: 'own' })
    expect(hostile.info().counters.invalidMessages).toBe(4)
    expect(other.info()).toMatchObject({ state: 'busy', counters: { invalidMessages: 0 } })
    if (request?.type !== 'input-request') throw new Error(`expected a question, got ${request?.type}`)
    await waiting.respond(request.inputId, 'Ada')
    expect(await events.next()).toMatchObject({ done: true })
    expect(await waiting.outcome).toMatchObject({ status: 'ok', value: 'Ada' })
    expect((await hostile.run("'after'")).outcome).toMatchObject({ status: 'ok', value: 'after' })
  },
)
