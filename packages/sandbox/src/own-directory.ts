import { coreErrors } from '@capsule/core'
import type { WorkerLaunchRequest } from './isolation-driver.ts'
import type { IsolationLevel } from './isolation-level.ts'

/** Confined workers see no folder of the host, so none can be theirs. @throws INVALID_OPTIONS */
export function refuseCwd(level: IsolationLevel, { cwd }: Pick<WorkerLaunchRequest, 'cwd'>): void {
  if (cwd === undefined) return
  const problem = `cwd: at isolation level '${level}' a worker has an empty directory of its own; leave it out, offer files through a capability, or use level 'process'`
  throw coreErrors.INVALID_OPTIONS({ where: 'createSession()', problems: [problem] })
}
