import { createCapsule } from '@capsule/host'
import type { Contender } from '../contender.ts'

export type ExecutorName = 'threaded' | 'async'
export const executorNames: readonly ExecutorName[] = ['threaded', 'async']

type Capsule = Awaited<ReturnType<typeof createCapsule>>
export type Session = Awaited<ReturnType<Capsule['createSession']>>
export type SessionOptions = NonNullable<Parameters<Capsule['createSession']>[0]>

/** A session and the Capsule it was made by. */
export interface OpenSession extends AsyncDisposable {
  readonly session: Session
}

export async function openSession(executor: ExecutorName, options: SessionOptions = {}): Promise<OpenSession> {
  // the peers confine nothing; what the levels cost is an entry of its own
  const capsule = await createCapsule({ executor, isolation: 'process' })
  const session = await capsule.createSession({ modules: true, ...options })
  return { session, [Symbol.asyncDispose]: () => capsule[Symbol.asyncDispose]() }
}

/** Runs a cell whose outcome must be ok, and returns its value. */
export async function valueOf(session: Session, code: string): Promise<unknown> {
  const outcome = await session.execute(code).outcome
  if (outcome.status !== 'ok') throw new Error(`${code}: ${outcome.status} ${outcome.error?.message ?? ''}`)
  return outcome.value
}

/** A warm session; `rewrite` turns the expression into the kind of cell under test. */
export async function startCapsule(
  name: string,
  executor: ExecutorName,
  rewrite: (code: string) => string = (code) => code,
): Promise<Contender> {
  const open = await openSession(executor)
  return {
    name,
    evaluate: (code) => valueOf(open.session, rewrite(code)),
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}
