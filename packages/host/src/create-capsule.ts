import { type Container, disposeAll } from '@capsule/core'
import { createSession, type Session } from '@capsule/session'
import type { Capsule, CapsuleInfo, CapsuleOptions, CapsuleSessionOptions, IsolationLevel } from './capsule.ts'
import { hostErrors } from './errors.ts'
import { holdInspectorGuard } from './inspector-guard.ts'
import { obtainIsolation, workerEnv } from './isolation.ts'
import { checkSessionOptions, type ResolvedCapsuleOptions, resolveCapsuleOptions } from './options.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { createParts, tokens } from './tokens.ts'
import { workerCommand } from './worker-command.ts'

/**
 * The composition root: builds the parts, then makes sessions of them.
 * @throws INVALID_OPTIONS, ISOLATION_UNAVAILABLE
 */
export async function createCapsule(options: CapsuleOptions = {}): Promise<Capsule> {
  const resolved = resolveCapsuleOptions(options)
  const isolation = obtainIsolation(resolved.isolation)
  const parts = createParts()
  resolved.parts?.(parts)
  return new HostCapsule(resolved, isolation, parts)
}

class HostCapsule implements Capsule {
  readonly #options: ResolvedCapsuleOptions
  readonly #isolation: IsolationLevel
  readonly #parts: Container
  readonly #sessions = new Set<Session>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #closed = new AbortController()
  readonly #releaseGuard = holdInspectorGuard()
  #closing: Promise<void> | undefined

  constructor(options: ResolvedCapsuleOptions, isolation: IsolationLevel, parts: Container) {
    this.#options = options
    this.#isolation = isolation
    this.#parts = parts
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions]
  }

  async createSession(options: CapsuleSessionOptions = {}): Promise<Session> {
    checkSessionOptions(options)
    this.#assertOpen()
    const started = this.#startSession({ ...this.#options.session, ...options }, options)
    this.#starting.add(started)
    try {
      return await started
    } catch (error) {
      this.#assertOpen({ cause: error })
      throw error
    } finally {
      this.#starting.delete(started)
    }
  }

  info(): CapsuleInfo {
    return { isolation: this.#isolation, sessions: this.sessions.map((session) => session.info()) }
  }

  shutdown(options: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  /** `given`: what the caller said, without the capsule's defaults. */
  async #startSession(options: CapsuleSessionOptions, given: CapsuleSessionOptions): Promise<Session> {
    const { env = {}, cwd, executor = this.#options.executor, maxHeapMb, signal, ...sessionOptions } = options
    const temporary = cwd === undefined && this.#isolation === 'process' ? await createTemporaryDirectory() : undefined
    const { nodePath } = this.#options
    const launch = {
      ...workerCommand({ nodePath, entry: this.#parts.get(tokens.workerEntry), executor, maxHeapMb }),
      env: workerEnv(this.#isolation, env),
      cwd: temporary?.path ?? cwd ?? process.cwd(),
    }
    const onClosed = async (): Promise<void> => {
      if (session !== undefined) this.#sessions.delete(session)
      await temporary?.remove()
    }
    let session: Session | undefined
    try {
      session = await createSession({
        ...sessionOptions,
        signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
        isolation: this.#isolation,
        connect: this.#parts.get(tokens.connectWorker)(launch),
        clock: this.#parts.get(tokens.clock),
        logger: this.#parts.get(tokens.logger),
        ids: this.#parts.get(tokens.ids),
        startFork: (forkOptions) => this.createSession({ ...given, ...forkOptions }),
        onClosed,
      })
    } catch (error) {
      await onClosed()
      throw error
    }
    this.#sessions.add(session)
    return session
  }

  async #close(options: { graceMs?: number }): Promise<void> {
    this.#closed.abort()
    await Promise.allSettled(this.#starting)
    const ended = await Promise.allSettled(this.sessions.map((session) => session.shutdown(options)))
    this.#releaseGuard()
    const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    await disposeAll([this.#parts], 'some parts of the capsule failed to dispose').catch((error: unknown) => {
      errors.push(error)
    })
    if (errors.length > 0) throw new AggregateError(errors, 'some parts of the capsule failed to end')
  }

  /** @throws CAPSULE_CLOSED */
  #assertOpen(options?: ErrorOptions): void {
    if (this.#closed.signal.aborted) throw hostErrors.CAPSULE_CLOSED({}, options)
  }
}
