import type { Session, SessionEvents, SessionState } from '@capsule/session'
import type { MemberPhase, RecycleReason } from './pool.ts'

export interface PoolMemberOptions {
  readonly session: Session
  readonly startedMs: number
  readonly onCrashed: (member: PoolMember, exit: SessionEvents['crashed'][0]) => void
  readonly onRestarted: (member: PoolMember) => void
  /** Whoever did it. */
  readonly onClosed: (member: PoolMember) => void
  readonly onHeartbeat: (member: PoolMember, heartbeat: SessionEvents['heartbeat'][0]) => void
}

/** One session of the pool. */
export class PoolMember {
  readonly session: Session
  readonly startedMs: number
  phase: MemberPhase | 'ending' | 'detached' = 'idle'
  /** When it became idle, or was handed out. */
  sinceMs: number
  wasLeased = false
  isBeingChecked = false
  /** `health.check` has it to itself: a cell of the check would be in the way of a caller's. */
  isHeldByCheck = false
  /** A worker of it has died by itself since its namespace was last known to be fresh. */
  hasCrashed = false
  /** Its worker has died by itself, and no other works in its place yet. */
  crash: { readonly phase: MemberPhase; readonly atMs: number } | undefined
  /** It is to be recycled as soon as it is idle. */
  wish: RecycleReason | undefined
  /** As the last heartbeat tells. */
  rssBytes: number | undefined
  readonly #listeners: readonly (() => void)[]

  constructor({ session, startedMs, onCrashed, onRestarted, onClosed, onHeartbeat }: PoolMemberOptions) {
    this.session = session
    this.startedMs = startedMs
    this.sinceMs = startedMs
    const listen = <Name extends keyof SessionEvents>(
      name: Name,
      listener: (...args: SessionEvents[Name]) => void,
    ): (() => void) => {
      session.events.on(name, listener)
      return () => session.events.off(name, listener)
    }
    this.#listeners = [
      listen('crashed', (exit) => onCrashed(this, exit)),
      listen('restarted', () => {
        this.rssBytes = undefined
        onRestarted(this)
      }),
      listen('state', (state) => {
        if (state === 'closed') onClosed(this)
      }),
      listen('heartbeat', (heartbeat) => {
        this.rssBytes = heartbeat.rssBytes
        onHeartbeat(this, heartbeat)
      }),
    ]
  }

  /** Calls back once no cell runs or waits in its session. */
  whenUnused(callback: () => void): void {
    const { events } = this.session
    const look = (state: SessionState): void => {
      if (state === 'busy' || state === 'restarting') return
      events.off('state', look)
      callback()
    }
    events.on('state', look)
    look(this.session.info().state)
  }

  /** It is not the pool's any more. */
  leave(): void {
    for (const stop of this.#listeners) stop()
  }
}
