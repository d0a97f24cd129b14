import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { coreErrors } from '@capsule/core'
import { createCapsule } from '@capsule/host'
import type { Session } from '@capsule/session'
import type { SessionChoice } from './arguments.ts'

/** A session and all that was made for it, disposed together. */
export interface OpenSession extends AsyncDisposable {
  readonly session: Session
}

/** @throws INVALID_OPTIONS, and what `createCapsule` and `createSession` throw */
export async function openSession(choice: SessionChoice, signal?: AbortSignal): Promise<OpenSession> {
  // by default what a person runs is their own: it has modules, and the directory that they are in
  const { executor, isolation = 'process', cwd = '.', timeoutMs } = choice
  // a process that is started in a missing folder says that its program is missing
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw coreErrors.INVALID_OPTIONS({ where: '--cwd', problems: [`${cwd} is no directory`] })
  }
  const capsule = await createCapsule({ isolation, ...(executor !== undefined && { executor }) })
  try {
    const session = await capsule.createSession({
      ...(isOwnCode(capsule.info().isolation) && { cwd: resolve(cwd), modules: true }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(signal !== undefined && { signal }),
    })
    return { session, [Symbol.asyncDispose]: () => capsule[Symbol.asyncDispose]() }
  } catch (error) {
    await capsule[Symbol.asyncDispose]()
    throw error
  }
}

/** At stricter levels there are neither modules nor directories of the host. */
const isOwnCode = (level: string): boolean => level === 'none' || level === 'process'
