/* oxlint-disable max-lines -- one state machine: every way of a session into, through and out of the pool is read together */
import {
  type AbortOptions,
  createRandomIds,
  type EventSource,
  throwIfAborted,
  type Timer,
  withAbort,
} from '@capsule/core'
import { createEmitter, type Emitter, type Session, type SessionEvents, sessionErrors } from '@capsule/session'
import { CreationBreaker } from './creation-breaker.ts'
import { poolErrors } from './errors.ts'
import { HealthChecks } from './health-checks.ts'
import { IdleSessions } from './idle-sessions.ts'
import { type EndedLease, Leases } from './leases.ts'
import { MemoryBudget } from './memory-budget.ts'
import { resolveAcquireOptions, type ResolvedPoolOptions, resolveShutdownOptions } from './options.ts'
import type { AcquireOptions, BreakerState, Lease, MemberPhase, Pool, PoolEvents, RecycleReason } from './pool.ts'
import type { PoolInfo } from './pool-info.ts'
import { PoolMember } from './pool-member.ts'
import { PoolMetrics } from './pool-metrics.ts'
import { WaitingLine } from './waiting-line.ts'
import { Warmup } from './warmup.ts'

/** From a lease to the start of the session that takes its place among the idle ones. */
const replenishDelayMs = 10
/** So many are replaced at once. */
const stillbornLimit = 3

/** A session whose worker has died by itself, until another stands in for it. */
interface Repair {
  readonly sessionId: string
  readonly phase: MemberPhase
  readonly atMs: number
}

/** Nothing polls: whatever changes calls `#balance`, which serves who waits and starts what is missing. */
export class SessionPool implements Pool {
  readonly #options: ResolvedPoolOptions
  readonly #emitter: Emitter<PoolEvents>
  readonly #metrics = new PoolMetrics()
  readonly #members = new Set<PoolMember>()
  readonly #idle: IdleSessions
  readonly #line: WaitingLine<Lease>
  readonly #leases: Leases
  readonly #breaker: CreationBreaker
  readonly #warmup: Warmup
  readonly #memory: MemoryBudget
  readonly #health: HealthChecks
  readonly #stop = new AbortController()
  /** Starts, resets and ends under way. */
  readonly #work = new Set<Promise<void>>()
  readonly #repairs: Repair[] = []
  readonly #warmWaiters = new Set<PromiseWithResolvers<void>>()
  /** Of the shutdown. */
  readonly #errors: unknown[] = []
  #state: PoolInfo['state'] = 'open'
  #starting = 0
  #probe: Timer | undefined
  #replenishing: Timer | undefined
  /** Sessions that died unused, one after the other. */
  #stillborn = 0
  /** Until then none is started that nobody waits for. */
  #pause: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedPoolOptions) {
    this.#options = options
    const { clock, ids = createRandomIds(), logger, maxLeaseMs } = options
    this.#emitter = createEmitter<PoolEvents>(logger)
    this.#idle = new IdleSessions({
      ...options,
      onOld: (member) => this.#recycleIdle(member, 'age'),
      onUnwanted: (member) => this.#recycleIdle(member, 'idle-timeout'),
    })
    this.#line = new WaitingLine({
      clock,
      timeoutError: () => this.#exhausted('timeout'),
      onFailed: (failure) => void this.#metrics.failedWaits[failure]++,
    })
    this.#leases = new Leases({ clock, ids, maxLeaseMs, onEnded: (lease) => this.#onLeaseEnded(lease) })
    this.#breaker = new CreationBreaker({ ...options, onChange: (state) => this.#onBreaker(state) })
    this.#warmup = new Warmup(options.warmup, (facts) => this.#emitter.emit('warmup-failed', facts))
    this.#memory = new MemoryBudget(options.memoryBudget, this.#members)
    this.#health = new HealthChecks({
      ...options,
      signal: this.#stop.signal,
      idle: () => this.#idle.all,
      onUnhealthy: (member) => this.#recycleWhenIdle(member, 'unhealthy'),
      onChecked: (member) => {
        if (this.#line.size > 0 && this.#idle.remove(member)) this.#offer(member)
      },
    })
    this.#balance()
  }

  get events(): EventSource<PoolEvents> {
    return this.#emitter.source
  }

  async acquire(options?: AcquireOptions): Promise<Lease> {
    const { signal, timeoutMs } = resolveAcquireOptions(options)
    throwIfAborted(signal, 'acquire()')
    const lease = this.#takeIdle()
    if (lease !== undefined) return lease
    this.#metrics.acquisitions.misses++
    if (this.#line.size >= this.#options.maxWaiting) {
      this.#metrics.failedWaits.refused++
      throw this.#exhausted('queue-full')
    }
    const served = this.#line.wait({ timeoutMs, ...(signal !== undefined && { signal }) })
    this.#balance()
    return served
  }

  tryAcquire(): Lease | undefined {
    return this.#takeIdle()
  }

  async use<T>(work: (session: Session) => T | Promise<T>, options?: AcquireOptions): Promise<T> {
    const lease = await this.acquire(options)
    try {
      return await work(lease.session)
    } finally {
      await lease.release()
    }
  }

  async warmUp({ signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal, 'warmUp()')
    this.#assertOpen()
    if (this.#isWarm) return
    const warm = Promise.withResolvers<void>()
    this.#warmWaiters.add(warm)
    this.#balance()
    try {
      await withAbort(warm.promise, signal, 'warmUp()')
    } finally {
      this.#warmWaiters.delete(warm)
    }
  }

  info(): PoolInfo {
    const { minIdle, maxSessions } = this.#options
    const phases = { idle: 0, leased: 0, resetting: 0, ending: 0 }
    for (const { phase } of this.#members) if (phase !== 'detached') phases[phase]++
    const { highWater, wasted, evicted } = this.#metrics
    const figures = this.#metrics.info({ waiting: this.#line.size, leased: this.#leases.size })
    const { requests, hits } = figures.acquisitions
    return {
      state: this.#state,
      sessions: {
        total: this.#total,
        starting: this.#starting,
        ...phases,
        max: maxSessions,
        highWater: highWater.sessions,
      },
      watermarks: {
        minIdle,
        ...this.#idle.range,
        startingHigh: highWater.starting,
        waitingHigh: highWater.waiting,
      },
      ...figures,
      warmup: { efficiency: requests === 0 ? 0 : hits / requests, wasted, modules: this.#warmup.info() },
      breaker: this.#breaker.info(),
      memory: { ...this.#memory.figures, evicted },
      health: this.#health.info(),
    }
  }

  async shutdown(options: { graceMs?: number } = {}): Promise<void> {
    const { graceMs } = resolveShutdownOptions(options)
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  get #total(): number {
    return this.#members.size + this.#starting
  }

  get #isWarm(): boolean {
    return this.#idle.size >= this.#options.minIdle
  }

  /** Serves at once, or not at all. @throws POOL_CLOSED */
  #takeIdle(): Lease | undefined {
    this.#assertOpen()
    if (this.#line.size > 0) return undefined
    const member = this.#idle.take()
    if (member === undefined) return undefined
    this.#metrics.acquisitions.hits++
    const lease = this.#lend(member, 0)
    this.#replenishSoon()
    return lease
  }

  /** A start takes the CPU for a while, and blocks this process for a moment: the caller's first cell goes before it. */
  #replenishSoon(): void {
    this.#replenishing ??= this.#options.clock.setTimer(replenishDelayMs, () => {
      this.#replenishing = undefined
      this.#balance()
    })
  }

  #lend(member: PoolMember, waitedMs: number): Lease {
    member.phase = 'leased'
    member.sinceMs = this.#options.clock.now()
    member.wasLeased = true
    this.#metrics.leases.acquired++
    this.#metrics.latency.acquire.record(waitedMs)
    const lease = this.#leases.open(member)
    this.#emitter.emit('acquired', { leaseId: lease.leaseId, sessionId: member.session.sessionId, waitedMs })
    return lease
  }

  /** A session is free: it goes to who has waited longest, or becomes idle. */
  #offer(member: PoolMember): void {
    const reason = this.#reasonToRecycle(member)
    if (reason !== undefined) return this.#recycle(member, reason)
    const isTaken = this.#line.serveFirst((waitedMs) => {
      this.#metrics.acquisitions.served++
      return this.#lend(member, waitedMs)
    })
    if (!isTaken) {
      this.#idle.add(member)
      this.#evict()
    }
    this.#balance()
  }

  #balance(): void {
    if (this.#state !== 'open') return
    while (this.#isStartDue()) this.#run(this.#start())
    this.#metrics.saw({ sessions: this.#total, starting: this.#starting, waiting: this.#line.size })
    if (this.#isWarm) for (const { resolve } of this.#warmWaiters) resolve()
    if (!this.#breaker.mayRun) this.#refuse()
  }

  #isStartDue(): boolean {
    const { minIdle, maxSessions, maxConcurrentStarts } = this.#options
    const isAllowed =
      this.#total < maxSessions &&
      this.#starting < maxConcurrentStarts &&
      this.#breaker.mayRun &&
      this.#memory.fitsOneMore(this.#starting)
    if (!isAllowed) return false
    const coming = this.#starting + this.#count('resetting')
    if (this.#pause !== undefined) return coming + this.#idle.size < this.#line.size
    return coming + this.#idle.size < this.#line.size + minIdle || this.#starting < this.#repairs.length
  }

  /** Sessions cannot be created now: who waits for that is told, and the next attempt is at its time. */
  #refuse(): void {
    const { retryAfterMs, lastError } = this.#breaker
    if (this.#breaker.state !== 'open') return
    const isReused = this.#options.reset === 'namespace'
    const coming = this.#starting + this.#count('resetting') + (isReused ? this.#leases.size : 0)
    const error = poolErrors.BREAKER_OPEN({ retryAfterMs }, { cause: lastError })
    if (coming === 0) this.#line.refuseAll(error)
    for (const { reject } of this.#warmWaiters) reject(error)
    this.#probe?.cancel()
    this.#probe = this.#options.clock.setTimer(retryAfterMs, () => this.#balance())
  }

  async #start(): Promise<void> {
    const { clock } = this.#options
    const { starts, latency } = this.#metrics
    this.#starting++
    starts.attempts++
    const startedMs = clock.now()
    let session: Session
    try {
      session = await this.#breaker.run(() => this.#create())
    } catch (error) {
      this.#starting--
      if (this.#state !== 'open') return void starts.aborted++
      starts.failed++
      this.#emitter.emit('start-failed', { error: asError(error) })
      return this.#balance()
    }
    starts.succeeded++
    this.#starting--
    const durationMs = clock.now() - startedMs
    latency.start.record(durationMs)
    this.#add(session, durationMs)
    this.#balance()
  }

  /** @throws MEMORY_UNKNOWN, and what creating a session throws */
  async #create(): Promise<Session> {
    const { createSession, memoryBudget } = this.#options
    try {
      const session = await createSession({ signal: this.#stop.signal, warmup: this.#warmup.cells })
      const { worker } = session.info()
      if (memoryBudget === undefined || worker?.settings.heartbeatMs !== 0) return session
      await session.shutdown({ graceMs: 0 })
    } catch (error) {
      if (sessionErrors.WARMUP_FAILED.is(error)) this.#warmup.refused(error.details.index, error.message)
      throw error
    }
    throw poolErrors.MEMORY_UNKNOWN({})
  }

  #add(session: Session, durationMs: number): void {
    const { clock } = this.#options
    const member = new PoolMember({
      session,
      startedMs: clock.now(),
      onCrashed: (crashed, exit) => this.#onCrashed(crashed, exit),
      onRestarted: (restarted) => this.#onRestarted(restarted),
      onClosed: (closed) => {
        if (closed.phase === 'idle') this.#recycle(closed, 'closed-by-caller')
      },
      onHeartbeat: (told, heartbeat) => this.#onHeartbeat(told, heartbeat),
    })
    // before anything is told: a listener that acquires must find it counted
    this.#members.add(member)
    this.#warmup.ran(session.info().warmup)
    this.#emitter.emit('started', { sessionId: session.sessionId, durationMs })
    const repair = this.#repairs.shift()
    if (repair !== undefined) this.#repaired(repair, session.sessionId)
    // the pool may have been shut down while it started
    if (this.#state === 'open') this.#offer(member)
    else this.#recycle(member, 'shutdown')
  }

  #onLeaseEnded({ leaseId, member, heldMs, isUsed, isBusy, end }: EndedLease): void {
    const { leases } = this.#metrics
    const { sessionId } = member.session
    switch (end.how) {
      case 'released':
        leases.released++
        if (!member.hasCrashed) this.#stillborn = 0
        this.#emitter.emit('released', { leaseId, sessionId, heldMs })
        return this.#takeBack(member, { recycle: end.recycle, isUsed, isBusy })
      case 'expired':
        leases.expired++
        return this.#recycle(member, 'lease-expired')
      case 'shutdown':
        leases.expired++
        return this.#recycle(member, 'shutdown')
      case 'leaked':
        leases.leaked++
        this.#emitter.emit('leaked', { leaseId, sessionId })
        return this.#recycle(member, 'leaked')
      case 'detached':
        leases.detached++
        this.#forget(member, 'detached')
        return this.#balance()
    }
  }

  #takeBack(
    member: PoolMember,
    { recycle, isUsed, isBusy }: Pick<EndedLease, 'isUsed' | 'isBusy'> & { recycle: boolean },
  ): void {
    const reason = recycle ? 'requested' : this.#reasonToRecycle(member)
    if (reason !== undefined) return this.#recycle(member, reason)
    // its next execution would be told of that
    const isAsBefore = !isUsed && !member.hasCrashed
    if (!isAsBefore && this.#options.reset === 'recycle') return this.#recycle(member, 'released')
    if (isBusy || !this.#mayReuse(member)) return this.#recycle(member, 'not-reusable')
    if (isAsBefore) return this.#offer(member)
    this.#run(this.#reset(member))
  }

  #mayReuse({ session }: PoolMember): boolean {
    try {
      return this.#options.mayReuse(session)
    } catch (error) {
      this.#options.logger.error('`mayReuse` threw', { sessionId: session.sessionId, error })
      return false
    }
  }

  async #reset(member: PoolMember): Promise<void> {
    const { clock } = this.#options
    const { resets, latency } = this.#metrics
    const startedMs = clock.now()
    member.phase = 'resetting'
    member.hasCrashed = false
    try {
      await member.session.reset({ signal: this.#stop.signal })
    } catch (error) {
      resets.failed++
      this.#options.logger.info('a session could not be reset', { sessionId: member.session.sessionId, error })
      return this.#recycle(member, 'reset-failed')
    }
    resets.done++
    latency.reset.record(clock.now() - startedMs)
    if (member.hasCrashed) return this.#recycle(member, 'crashed')
    this.#offer(member)
  }

  #reasonToRecycle(member: PoolMember): RecycleReason | undefined {
    const { clock, recycleAfterExecutions, maxSessionAgeMs } = this.#options
    if (this.#state !== 'open') return 'shutdown'
    const { state, tainted, counters } = member.session.info()
    if (state === 'closed') return 'closed-by-caller'
    // one that restarts is reset as soon as it has
    if (state === 'crashed') return 'crashed'
    if (tainted) return 'tainted'
    if (counters.executions >= recycleAfterExecutions) return 'executions'
    if (clock.now() - member.startedMs >= maxSessionAgeMs) return 'age'
    return this.#memory.isTooLarge(member) ? 'memory' : member.wish
  }

  #recycleWhenIdle(member: PoolMember, reason: RecycleReason): void {
    if (member.phase === 'idle') this.#recycle(member, reason)
    else member.wish ??= reason
  }

  /** `false`: a listener of what was told meanwhile has acquired it. */
  #recycleIdle(member: PoolMember, reason: RecycleReason): boolean {
    if (member.phase !== 'idle') return false
    this.#recycle(member, reason)
    return true
  }

  /** Ends a session; what takes its place is started when it is gone, so that there are never more than allowed. */
  #recycle(member: PoolMember, reason: RecycleReason): void {
    if (!this.#members.has(member) || member.phase === 'ending') return
    this.#idle.remove(member)
    member.phase = 'ending'
    member.rssBytes = undefined
    if (member.crash !== undefined) this.#repairs.push({ sessionId: member.session.sessionId, ...member.crash })
    this.#metrics.recycled(reason)
    if (!member.wasLeased) this.#metrics.wasted++
    this.#emitter.emit('recycled', { sessionId: member.session.sessionId, reason })
    this.#run(this.#end(member))
    this.#balance()
  }

  async #end(member: PoolMember): Promise<void> {
    try {
      // nobody waits for what it does, and nothing of it is kept
      await member.session.shutdown({ graceMs: 0 })
    } catch (error) {
      if (this.#state !== 'open') this.#errors.push(error)
      this.#emitter.emit('error', asError(error))
    }
    this.#forget(member, 'ending')
    this.#balance()
  }

  #forget(member: PoolMember, phase: 'ending' | 'detached'): void {
    member.phase = phase
    member.leave()
    this.#members.delete(member)
  }

  #onCrashed(member: PoolMember, { code, signal }: SessionEvents['crashed'][0]): void {
    const { phase, session } = member
    if (phase === 'ending' || phase === 'detached') return
    this.#metrics.crashes[phase]++
    // nobody is to be given it any more, listeners of this included
    this.#idle.remove(member)
    member.hasCrashed = true
    this.#emitter.emit('crashed', { sessionId: session.sessionId, phase, exit: { code, signal } })
    member.crash = { phase, atMs: this.#options.clock.now() }
    if (phase === 'idle') {
      if (!member.wasLeased) this.#diedUnused(member)
      this.#recycle(member, 'crashed')
    }
    this.#health.crashed()
  }

  /** The starts succeed, so the breaker does not see it; without a pause a worker that always dies would be replaced for ever. */
  #diedUnused({ startedMs }: PoolMember): void {
    const { clock, breaker } = this.#options
    const { initialBackoffMs, maxBackoffMs } = breaker
    this.#stillborn = clock.now() - startedMs > maxBackoffMs ? 1 : this.#stillborn + 1
    if (this.#stillborn <= stillbornLimit) return
    const pauseMs = Math.min(maxBackoffMs, initialBackoffMs * 2 ** (this.#stillborn - stillbornLimit - 1))
    this.#pause?.cancel()
    this.#pause = clock.setTimer(pauseMs, () => {
      this.#pause = undefined
      this.#balance()
    })
  }

  /** In use, a session replaces its worker by itself. */
  #onRestarted(member: PoolMember): void {
    const { session, crash } = member
    const { sessionId } = session
    this.#warmup.ran(session.info().warmup)
    member.crash = undefined
    if (crash !== undefined) this.#repaired({ sessionId, ...crash }, sessionId)
  }

  #repaired({ sessionId, phase, atMs }: Repair, successorId: string): void {
    const durationMs = this.#options.clock.now() - atMs
    this.#emitter.emit('repaired', { sessionId, phase, successorId, durationMs })
  }

  #onHeartbeat(member: PoolMember, heartbeat: SessionEvents['heartbeat'][0]): void {
    if (member.phase === 'idle' && this.#memory.isTooLarge(member)) return this.#recycle(member, 'memory')
    this.#evict()
    this.#health.heartbeat(member, heartbeat)
    // there may be room for one more now
    if (this.#options.memoryBudget !== undefined) this.#balance()
  }

  #evict(): void {
    for (const member of this.#memory.evictable(this.#idle.all)) {
      if (this.#recycleIdle(member, 'memory')) this.#metrics.evicted++
    }
  }

  #onBreaker(state: BreakerState): void {
    const { retryAfterMs, lastError } = this.#breaker
    this.#emitter.emit('breaker', {
      state,
      ...(state === 'open' && { retryAfterMs, error: asError(lastError) }),
    })
  }

  #count(phase: MemberPhase): number {
    let count = 0
    for (const member of this.#members) if (member.phase === phase) count++
    return count
  }

  #run(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  async #close(graceMs: number): Promise<void> {
    this.#state = 'closing'
    this.#health.stop()
    this.#idle.stop()
    this.#probe?.cancel()
    this.#replenishing?.cancel()
    this.#pause?.cancel()
    this.#line.refuseAll(poolErrors.POOL_CLOSED({}))
    for (const { reject } of this.#warmWaiters) reject(poolErrors.POOL_CLOSED({}))
    this.#stop.abort()
    for (const member of this.#idle.all) this.#recycle(member, 'shutdown')
    await this.#leasesEnd(graceMs)
    this.#leases.endAll()
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
    this.#state = 'closed'
    try {
      await this.#options.onClosed?.()
    } catch (error) {
      this.#errors.push(error)
    }
    if (this.#errors.length > 0) throw new AggregateError(this.#errors, 'some parts of the pool failed to end')
  }

  /** Waits for them, but not for ever. */
  async #leasesEnd(graceMs: number): Promise<void> {
    if (graceMs === 0) return
    const { promise: graceIsOver, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.setTimer(graceMs, resolve)
    await Promise.race([this.#leases.none(), graceIsOver])
    timer.cancel()
  }

  #exhausted(reason: 'timeout' | 'queue-full'): Error {
    const { maxSessions } = this.#options
    return poolErrors.POOL_EXHAUSTED({ reason, waiting: this.#line.size, leased: this.#leases.size, maxSessions })
  }

  /** @throws POOL_CLOSED */
  #assertOpen(): void {
    if (this.#state !== 'open') throw poolErrors.POOL_CLOSED({})
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}
