import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { coreErrors } from '@capsule/core'
import { createCapsule, isConfined } from '@capsule/host'
import type { Session } from '@capsule/session'
import type { SessionChoice } from './arguments.ts'

/** A session and all that was made for it, disposed together. */
export interface OpenSession extends AsyncDisposable {
  readonly session: Session
}

/** @throws INVALID_OPTIONS, and what `createCapsule` and `createSession` throw */
export async function openSession(choice: SessionChoice, signal?: AbortSignal): Promise<OpenSession> {
  const { executor, isolation = 'process', cwd, timeoutMs } = choice
  // a process that is started in a missing folder says that its program is missing
  if (statSync(cwd ?? '.', { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw coreErrors.INVALID_OPTIONS({ where: '--cwd', problems: [`${cwd} is no directory`] })
  }
  const capsule = await createCapsule({ isolation, ...(executor !== undefined && { executor }) })
  try {
    // confined cells see no directory of this machine; one that was asked for all the same is refused
    const isOwnDirectory = cwd === undefined && isConfined(capsule.info().isolation)
    const session = await capsule.createSession({
      ...(!isOwnDirectory && { cwd: resolve(cwd ?? '.') }),
      // what a person runs is their own
      modules: !isConfined(capsule.info().isolation),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(signal !== undefined && { signal }),
    })
    return { session, [Symbol.asyncDispose]: () => capsule[Symbol.asyncDispose]() }
  } catch (error) {
    await capsule[Symbol.asyncDispose]()
    throw error
  }
}
