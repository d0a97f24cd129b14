import type { Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Capsule, createCapsule } from '../src/index.ts'

const sessionCount = 8
const line = JSON.stringify('x'.repeat(100))
/** The async executor has one thread: it hears of a cancel when the cell lets go of it. */
const floods = {
  threaded: `for (;;) console.log(${line})`,
  async: `for (;;) { for (let i = 0; i < 100; i++) console.log(${line}); await new Promise((go) => setImmediate(go)) }`,
} as const

type Execution = ReturnType<Session['execute']>

/** Reads all of it; `flowing` resolves with the first output. */
function readAll(execution: Execution): { flowing: Promise<void>; bytes: Promise<number> } {
  const { promise: flowing, resolve } = Promise.withResolvers<void>()
  const read = async (): Promise<number> => {
    let bytes = 0
    for await (const event of execution) {
      if (event.type === 'output') bytes += Buffer.byteLength(event.text)
      resolve()
    }
    return bytes
  }
  return { flowing, bytes: read() }
}

describe.each(['threaded', 'async'] as const)('control messages get through, %s', (executor) => {
  let capsule: Capsule
  const sessions: Session[] = []

  beforeAll(async () => {
    capsule = await createCapsule({ executor, isolation: 'process' })
    for (let i = 0; i < sessionCount; i++) {
      sessions.push(await capsule.createSession({ settings: { heartbeatMs: 50 } }))
    }
  }, 60_000)
  afterAll(() => capsule[Symbol.asyncDispose]())

  it('cancels one session after the other while all of them print without end', async () => {
    const executions = sessions.map((session) => session.execute(floods[executor]))
    const reads = executions.map(readAll)
    await waitFor(Promise.all(reads.map(({ flowing }) => flowing)))
    for (const [place, execution] of executions.entries()) {
      const { output, ...outcome } = await waitFor(execution.cancel({ graceMs: 30_000 }))
      expect(outcome).toMatchObject({ status: 'cancelled', state: 'kept' })
      // it waits for no output of others, and for all of its own
      expect(await waitFor(reads[place]!.bytes)).toBe(output.bytes)
      expect(output.droppedBytes).toBe(0)
    }
  }, 60_000)

  it('brings heartbeats while all of them print without end', async () => {
    const executions = sessions.map((session) => session.execute(floods[executor]))
    const reads = executions.map(readAll)
    await waitFor(Promise.all(reads.map(({ flowing }) => flowing)))
    const beats = sessions.map((session) => new Promise((resolve) => session.events.once('heartbeat', resolve)))
    await waitFor(Promise.all(beats))
    const outcomes = await waitFor(Promise.all(executions.map((execution) => execution.cancel({ graceMs: 30_000 }))))
    expect(outcomes.map(({ state }) => state)).toEqual(sessions.map(() => 'kept'))
  }, 60_000)

  it('cancels cells of which only the outcome is wanted', async () => {
    const executions = sessions.map((session) => session.execute(floods[executor]))
    const outcomes = executions.map(({ outcome }) => outcome)
    // one of them has printed by then, and the others are where the machine has let them come
    await waitFor(new Promise((resolve) => sessions[0]!.events.once('heartbeat', resolve)))
    for (const execution of executions) {
      expect(await waitFor(execution.cancel({ graceMs: 30_000 }))).toMatchObject({ status: 'cancelled', state: 'kept' })
    }
    await Promise.all(outcomes)
  }, 60_000)

  it('cancels a cell while an upload goes on, which then goes on', async () => {
    const [session] = sessions as [Session, ...Session[]]
    const channel = session.stream('upload', { windowBytes: 1 })
    const bytes = 32 * 1024 * 1024
    const sending = channel.write(new Uint8Array(bytes)).then(() => channel.end())
    const waiting = session.execute(`console.log('go'); await new Promise(() => {})`)
    await waitFor(readAll(waiting).flowing)
    expect(await waitFor(waiting.cancel({ graceMs: 30_000 }))).toMatchObject({ status: 'cancelled', state: 'kept' })
    const count = `let bytes = 0; for await (const chunk of capsule.stream('upload')) bytes += chunk.length; bytes`
    const { outcome } = await waitFor(session.run(count))
    expect(outcome).toMatchObject({ status: 'ok', value: bytes })
    await waitFor(sending)
    await channel[Symbol.asyncDispose]()
  }, 60_000)
})
