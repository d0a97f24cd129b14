import type { Capsule } from '@capsule/host'
import type { Session } from '@capsule/session'

/** Lends sessions for executions that keep none. */
export interface SessionSource {
  /** Nobody else uses the session meanwhile, and nobody sees what it leaves. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>
}

/** A fresh session for each: isolation first, start-up time later. */
export function createFreshSessions(capsule: Capsule): SessionSource {
  return {
    async use(work) {
      await using session = await capsule.createSession()
      return await work(session)
    },
  }
}
