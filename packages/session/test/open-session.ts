import { createCountingIds } from '@capsule/core'
import {
  createSession,
  type CreateSessionOptions,
  type Execution,
  type ExecutionEvent,
  type Session,
} from '@capsule/session'
import { createScriptedWorker, type ScriptedWorker, type ScriptedWorkerOptions } from '@capsule/session/testing'
import { createFakeClock, type FakeClock, waitFor } from '@capsule/testing'
import { onTestFinished } from 'vitest'

export interface OpenSession {
  readonly session: Session
  readonly worker: ScriptedWorker
  readonly clock: FakeClock
}

/** A session over a scripted worker on a clock that stands still; closed when the test is over. */
export async function openSession(
  options: Partial<CreateSessionOptions> = {},
  workerOptions: ScriptedWorkerOptions = {},
): Promise<OpenSession> {
  const clock = createFakeClock()
  const worker = createScriptedWorker(workerOptions)
  const session = await waitFor(createSession({ connect: worker.connect, clock, ids: createCountingIds(), ...options }))
  onTestFinished(() => session.shutdown({ graceMs: 0 }))
  return { session, worker, clock }
}

/** Starts a cell; resolves once the worker has the request. */
export async function started(
  { session, worker }: OpenSession,
  options: Parameters<Session['execute']>[1] = {},
): Promise<{ execution: Execution; id: string }> {
  const execution = session.execute('cell', options)
  const { executionId: id } = await waitFor(worker.process.next('execute'))
  worker.process.ack(id)
  return { execution, id }
}

export async function eventsOf(execution: AsyncIterable<ExecutionEvent>): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = []
  for await (const event of execution) events.push(event)
  return events
}

/** The next event of a session with this name. */
export function sessionEvent<T>(session: Session, name: Parameters<Session['events']['once']>[0]): Promise<T> {
  return waitFor(new Promise<T>((resolve) => session.events.once(name, ((value: T) => resolve(value)) as never)), {
    what: `the session event ${name}`,
  })
}

/** A worker that answers each cell at once with its own code as text. */
export const echo: ScriptedWorkerOptions = {
  script(message, process) {
    if (message.type !== 'execute') return
    process.ack(message.executionId)
    process.result(message.executionId, { text: message.code })
  },
}

/** The credit the host gave, in bytes, in its order. */
export const credits = ({ worker }: OpenSession): number[] =>
  worker.process.received.flatMap((message) => (message.type === 'stream-credit' ? [message.bytes] : []))

/** All that was sent before is read once the worker's answer to this question is there. */
export async function settleWire({ session, worker }: OpenSession): Promise<void> {
  const asked = session.inspect({ what: 'namespace' })
  const { requestId } = await waitFor(worker.process.next('inspect'))
  worker.process.send({ type: 'inspect-result', requestId, answer: { what: 'namespace', bindings: [] } })
  await waitFor(asked)
}
