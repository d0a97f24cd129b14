import { createChannel } from '@capsule/core'
import type { ExecuteOptions, Execution, ExecutionEvent, Outcome, Session, SessionEvents } from '@capsule/session'
import { EventEmitter } from 'node:events'

type EventBody = ExecutionEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, 'executionId'>
    : never
  : never

/** What a scripted cell may do. */
export interface FakeCell {
  readonly code: string
  readonly options: ExecuteOptions
  readonly executionId: string
  readonly emit: (event: EventBody) => void
  /** Emits an input request and waits for the answer. */
  readonly ask: (prompt: string) => Promise<string | null>
  /** Resolves when the cell is cancelled. */
  readonly cancelled: Promise<{ graceMs?: number }>
}

export type FakeScript = (cell: FakeCell) => Promise<Partial<Outcome> | void> | Partial<Outcome> | void

export interface FakeSession extends Session {
  readonly executed: { readonly code: string; readonly options: ExecuteOptions }[]
  fire<Name extends keyof SessionEvents>(name: Name, ...args: SessionEvents[Name]): void
}

/** A session whose cells are played by a function; no worker, no process. */
export function createFakeSession(script: FakeScript): FakeSession {
  const emitter = new EventEmitter()
  const executed: { code: string; options: ExecuteOptions }[] = []
  const fake = {
    sessionId: 'session-fake',
    executed,
    events: emitter as unknown as Session['events'],
    fire: (name: string, ...args: unknown[]) => void emitter.emit(name, ...args),
    execute(code: string, options: ExecuteOptions = {}): Execution {
      executed.push({ code, options })
      return play({ code, options, executionId: `execution-${executed.length}`, script })
    },
    info: () => ({ state: 'ready' }),
    restart: () => Promise.resolve(),
  }
  return fake as unknown as FakeSession
}

function play({
  code,
  options,
  executionId,
  script,
}: Pick<FakeCell, 'code' | 'options' | 'executionId'> & { script: FakeScript }): Execution {
  const channel = createChannel<ExecutionEvent>()
  const answers = new Map<string, (answer: string | null) => void>()
  const cancelled = Promise.withResolvers<{ graceMs?: number }>()
  const emit = (event: EventBody): void => channel.push({ ...event, executionId } as ExecutionEvent)
  options.signal?.addEventListener('abort', () => cancelled.resolve({}))
  const ask = (prompt: string): Promise<string | null> => {
    const { promise, resolve } = Promise.withResolvers<string | null>()
    const inputId = `input-${answers.size + 1}`
    answers.set(inputId, resolve)
    emit({ type: 'input-request', inputId, prompt })
    return promise
  }
  const outcome = (async (): Promise<Outcome> => {
    const output = { bytes: 0, droppedBytes: 0, droppedChunks: 0 }
    try {
      const said = await script({ code, options, executionId, emit, ask, cancelled: cancelled.promise })
      return { executionId, status: 'ok', state: 'kept', durationMs: 1, text: 'undefined', output, ...said }
    } finally {
      // also after a script that throws: its test fails, and does not wait
      channel.close()
    }
  })()
  return {
    executionId,
    outcome,
    respond(inputId, answer) {
      const resolve = answers.get(inputId)
      if (resolve === undefined) return Promise.reject(new Error('INPUT_NOT_PENDING'))
      resolve(answer)
      return Promise.resolve()
    },
    approve: () => Promise.reject(new Error('APPROVAL_NOT_PENDING')),
    deny: () => Promise.reject(new Error('APPROVAL_NOT_PENDING')),
    cancel(how = {}) {
      cancelled.resolve(how)
      return outcome
    },
    [Symbol.asyncIterator]: () => channel,
  }
}
