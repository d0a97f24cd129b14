import type { SecurityPolicy, SessionCapabilities } from '@capsule/capabilities'
import { type Container, disposeAll } from '@capsule/core'
import type { HostMessage } from '@capsule/protocol'
import { isConfined, type ObtainedIsolation, type PreparedLaunch, resolveIsolation } from '@capsule/sandbox'
import { type Pool, sessionOfLease } from '@capsule/pool'
import { type ConnectWorker, createSession, type Session } from '@capsule/session'
import { type WorkerExecutor, workerProgram } from '@capsule/worker'
import type { Capsule, CapsuleInfo, CapsuleOptions, CapsulePoolOptions, CapsuleSessionOptions } from './capsule.ts'
import { CapsulePools } from './capsule-pools.ts'
import { type CapsuleDurable, type DurableSession, HostDurable } from './durable.ts'
import { hostErrors } from './errors.ts'
import { holdInspectorGuard } from './inspector-guard.ts'
import { checkPoolOptions, checkSessionOptions, type ResolvedCapsuleOptions, resolveCapsuleOptions } from './options.ts'
import { type ProviderShare, ProviderShares } from './provider-shares.ts'
import { openGrants } from './session-grants.ts'
import { createParts, tokens } from './tokens.ts'
import { effectiveLimits, limitedWorkers, type WorkerLimits } from './worker-limits.ts'

/**
 * The composition root: builds the parts, then makes sessions of them.
 * @throws INVALID_OPTIONS, ISOLATION_UNAVAILABLE
 */
export async function createCapsule(options: CapsuleOptions = {}): Promise<Capsule> {
  const resolved = resolveCapsuleOptions(options)
  const parts = createParts()
  resolved.parts?.(parts)
  const { isolation: asked, nodePath } = resolved
  const isolation = await resolveIsolation({ asked, nodePath, drivers: parts.get(tokens.drivers) })
  const capsule = new HostCapsule(resolved, isolation, parts)
  try {
    capsule.start()
  } catch (error) {
    await capsule.shutdown()
    throw error
  }
  return capsule
}

interface SessionGrants {
  readonly live: SessionCapabilities
  /** As the session was opened. */
  readonly policy: SecurityPolicy
}

interface SessionStart {
  readonly given: CapsuleSessionOptions
  readonly revoked: readonly string[]
  readonly share: ProviderShare
  readonly durable: DurableSession | undefined
}

/** Those of `CapsuleSessionOptions`. */
interface LaunchOptions {
  readonly executor: WorkerExecutor
  readonly env: Readonly<Record<string, string>> | undefined
  readonly cwd: string | undefined
  readonly maxHeapMb: number | undefined
}

class HostCapsule implements Capsule {
  readonly #options: ResolvedCapsuleOptions
  readonly #isolation: ObtainedIsolation
  readonly #parts: Container
  readonly #sessions = new Set<Session>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #closed = new AbortController()
  readonly #releaseGuard = holdInspectorGuard()
  readonly #shares = new ProviderShares()
  readonly #defaults: ProviderShare
  readonly #grants = new WeakMap<Session, SessionGrants>()
  /** The holder of a lease has them, and could change them for the next. */
  readonly #grantsAreKnown = new WeakSet<Session>()
  readonly #pools: CapsulePools
  #closing: Promise<void> | undefined
  #durable: HostDurable | undefined

  constructor(options: ResolvedCapsuleOptions, isolation: ObtainedIsolation, parts: Container) {
    this.#options = options
    this.#isolation = isolation
    this.#parts = parts
    this.#defaults = this.#shares.hold(options.session?.capabilities ?? [])
    this.#pools = new CapsulePools({
      shares: this.#shares,
      createSession: (given) => this.#createSession(given, []),
      areGrantsUntouched: (session) => this.#areGrantsUntouched(session),
      clock: parts.get(tokens.clock),
      logger: parts.get(tokens.logger),
      ids: parts.get(tokens.ids),
    })
  }

  /** @throws INVALID_OPTIONS, PROVIDER_DISPOSED */
  start(): void {
    const { pool, durable } = this.#options
    // options that are wrong are told at once, a bridge that nobody uses is not made
    if (durable !== undefined) this.#durable = this.#createDurable()
    if (pool !== undefined) this.#pools.createOwn(pool)
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions]
  }

  get durable(): CapsuleDurable {
    this.#assertOpen()
    this.#durable ??= this.#createDurable()
    return this.#durable
  }

  get pool(): Pool {
    return this.#pools.own
  }

  createPool(options: CapsulePoolOptions = {}): Pool {
    checkPoolOptions(options)
    this.#assertOpen()
    return this.#pools.create(options)
  }

  async createSession(options?: CapsuleSessionOptions): Promise<Session> {
    const warm = options === undefined ? this.#pools.takeWarm() : undefined
    return warm ?? this.#createSession(options ?? {}, [])
  }

  #createDurable(): HostDurable {
    return new HostDurable({
      options: this.#options.durable ?? {},
      clock: this.#parts.get(tokens.clock),
      logger: this.#parts.get(tokens.logger),
      ids: this.#parts.get(tokens.ids),
      shares: this.#shares,
      env: this.#options.session?.env,
      openSession: (options, durable) => this.#createSession(options, [], durable),
    })
  }

  async #createSession(
    options: CapsuleSessionOptions,
    revoked: readonly string[],
    durable?: DurableSession,
  ): Promise<Session> {
    checkSessionOptions(options)
    this.#assertOpen()
    const started = this.#startSession({ ...this.#options.session, ...options }, { given: options, revoked, durable })
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

  capabilitiesOf(session: Session): SessionCapabilities {
    const leased = sessionOfLease(session)
    if (leased !== undefined) this.#grantsAreKnown.add(leased)
    const grants = this.#grants.get(leased ?? session)
    if (grants === undefined) throw hostErrors.SESSION_UNKNOWN({ sessionId: session.sessionId })
    return grants.live
  }

  info(): CapsuleInfo {
    return {
      isolation: this.#isolation.level,
      ...this.#pools.ownInfo,
      sessions: this.sessions.map((session) => session.info()),
    }
  }

  shutdown(options: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  #areGrantsUntouched(session: Session): boolean {
    const grants = this.#grants.get(session)
    if (this.#grantsAreKnown.has(session)) return false
    if (grants === undefined || grants.live.revoked.length > 0 || grants.live.policy !== grants.policy) return false
    const { calls, decisions } = grants.live.info()
    return calls === 0 && Object.values(decisions).every((count) => count === 0)
  }

  /** `given`: what the caller said, without the capsule's defaults. @throws PROVIDER_DISPOSED */
  async #startSession(options: CapsuleSessionOptions, start: Omit<SessionStart, 'share'>): Promise<Session> {
    // before anything is waited for: a session that closes meanwhile must not take them along
    const share = this.#shares.hold(options.capabilities ?? [])
    try {
      return await this.#openSession(options, { ...start, share })
    } catch (error) {
      share.giveBack()
      throw error
    }
  }

  async #openSession(options: CapsuleSessionOptions, start: SessionStart): Promise<Session> {
    const { given, revoked, share, durable } = start
    const { env, cwd, executor = this.#options.executor, maxHeapMb, maxRssMb, maxCpuMs, signal, ...more } = options
    const { capabilities: _capabilities, policy: _policy, modules = false, ...rest } = more
    const ids = this.#parts.get(tokens.ids)
    const sessionId = ids.next('session')
    const grants = this.#openGrants(sessionId, options, revoked)
    const launch = await this.#prepare({ executor, env, cwd, maxHeapMb })
    const onClosed = async (): Promise<void> => {
      if (session !== undefined) this.#sessions.delete(session)
      grants.close()
      const parts = [{ [Symbol.asyncDispose]: launch.release }, { [Symbol.asyncDispose]: share.release }]
      await disposeAll(parts, 'some parts of the session failed to end')
    }
    let session: Session | undefined
    try {
      session = await createSession({
        ...rest,
        signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
        isolation: this.#isolation.level,
        settings: { ...rest.settings, modules },
        sessionId,
        grants: durable?.guard(grants) ?? grants,
        ...(durable && { bridge: () => ({ ...durable.bridge() }) }),
        connect: this.#connect(launch, { maxRssMb, maxCpuMs }),
        clock: this.#parts.get(tokens.clock),
        logger: this.#parts.get(tokens.logger),
        ids,
        // it may call what this session may by then
        startFork: (forkOptions) =>
          this.#createSession({ ...given, policy: grants.policy, ...forkOptions }, grants.revoked),
        onClosed,
      })
    } catch (error) {
      share.giveBack()
      await onClosed()
      throw error
    }
    this.#sessions.add(session)
    this.#grants.set(session, { live: grants, policy: grants.policy })
    return session
  }

  /** @throws MODULES_NOT_OFFERED, PROVIDER_CONFLICT, PROVIDER_UNSUPPORTED, POLICY_INVALID */
  #openGrants(
    sessionId: string,
    { capabilities = [], policy, modules }: CapsuleSessionOptions,
    revoked: readonly string[],
  ): SessionCapabilities {
    const { level: isolation } = this.#isolation
    if (modules === true && isConfined(isolation)) throw hostErrors.MODULES_NOT_OFFERED({ isolation })
    const clock = this.#parts.get(tokens.clock)
    const logger = this.#parts.get(tokens.logger)
    const ids = this.#parts.get(tokens.ids)
    const { audit } = this.#options
    return openGrants({ sessionId, providers: capabilities, policy, revoked, audit, clock, logger, ids })
  }

  #prepare({ executor, env = {}, cwd, maxHeapMb }: LaunchOptions): Promise<PreparedLaunch> {
    const { nodePath } = this.#options
    const program = workerProgram({ executor, entry: this.#parts.get(tokens.workerEntry) })
    return this.#isolation.driver.prepare({ ...program, nodePath, env, cwd, maxHeapMb })
  }

  /** @throws WATCHDOG_UNAVAILABLE */
  #connect(launch: PreparedLaunch, asked: WorkerLimits): ConnectWorker<HostMessage> {
    const { workerPid: findPid, release: _release, ...start } = launch
    const limits = effectiveLimits(this.#isolation.level, asked, findPid)
    const connect = this.#parts.get(tokens.connectWorker)(start)
    if (findPid === undefined) return connect
    const isRequired = asked.maxRssMb !== undefined || asked.maxCpuMs !== undefined
    return limitedWorkers({ connect, limits, isRequired, findPid, clock: this.#parts.get(tokens.clock) })
  }

  async #close(options: { graceMs?: number }): Promise<void> {
    // first of all: a pool that is open would take the starts that are aborted here for failed ones
    const poolsEnd = Promise.allSettled(this.#pools.shutdown(options))
    this.#closed.abort()
    // before its sessions end: what they come to then is not what is to be recorded
    const [durable] = await Promise.allSettled([this.#durable?.close(), ...this.#starting])
    const ended = await poolsEnd
    ended.push(...(await Promise.allSettled(this.sessions.map((session) => session.shutdown(options)))))
    ended.push(durable as PromiseSettledResult<void>)
    this.#releaseGuard()
    const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    await this.#defaults.release().catch((error: unknown) => errors.push(error))
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
