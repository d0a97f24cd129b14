import { createCapsule, type CapsuleSessionOptions } from '@capsule/host'
import { workerMarker } from '../worker-marker.ts'
import { cellOf } from './cell-prelude.ts'
import { hasReturnedTrue } from './lab.ts'

/** Whether the body of a cell gets through at level `process`. */
export async function controlCell(body: string, options: CapsuleSessionOptions = {}): Promise<boolean> {
  await using capsule = await createCapsule({ isolation: 'process' })
  const session = await capsule.createSession({ env: workerMarker(), modules: true, ...options })
  return hasReturnedTrue(await session.run(cellOf(body), { timeoutMs: 10_000 }))
}
