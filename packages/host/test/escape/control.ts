import { createCapsule, type CapsuleSessionOptions } from '@capsule/host'
import type { Session } from '@capsule/session'
import { workerMarker } from '../worker-marker.ts'
import type { OpenSession, Shot } from './attack.ts'
import { cellOf } from './cell-prelude.ts'
import { hasReturnedTrue } from './lab.ts'

/** Whether the body of a cell gets through at level `process`. */
export async function controlCell(body: string, options: CapsuleSessionOptions = {}): Promise<boolean> {
  const capsule = await createCapsule({ isolation: 'process' })
  try {
    const session = await capsule.createSession({ env: workerMarker(), modules: true, ...options })
    return hasReturnedTrue(await session.run(cellOf(body), { timeoutMs: 10_000 }))
  } finally {
    await capsule.shutdown()
  }
}

/** As a control: the same, in a session of its own. */
export const alsoIn =
  (run: (open: OpenSession, shot: Shot) => Promise<boolean>) =>
  (shot: Shot): Promise<boolean> =>
    shot.lab.withSessions((open) => run(open, shot))

/** Whether a session still runs cells. */
export const isUsable = async (session: Session): Promise<boolean> =>
  (await session.run('6 * 7', { timeoutMs: 5000 })).outcome.value === 42
