import type { Clock } from '@capsule/core'
import type { Feature, HeartbeatMessage, ReadyMessage } from '@capsule/protocol'
import type { ProcessTransport } from '@capsule/transport'
import type { Outcome } from './outcome.ts'
import type { BridgeFigures, RestoredFacts, SessionInfo } from './session.ts'
import type { WarmupReport } from './warmup-cell.ts'

export interface SessionRecordOptions {
  readonly sessionId: string
  readonly isolation: string
  readonly clock: Clock
  readonly bridge?: (() => BridgeFigures) | undefined
}

/** What `info()` tells that others keep. */
export interface SessionFigures extends Pick<SessionInfo, 'state' | 'streams' | 'interceptors'> {
  readonly restored: RestoredFacts | undefined
  readonly warmup: readonly WarmupReport[] | undefined
  readonly transport: ProcessTransport<never> | undefined
  readonly inFlight: { readonly running: number; readonly queued: number }
}

/** What `info()` tells: the counters of a session and the facts of its present worker. */
export class SessionRecord {
  readonly counters = { executions: 0, restarts: 0, invalidMessages: 0, unknownMessages: 0, lateEvents: 0 }
  readonly #byStatus: Record<Outcome['status'], number> = { ok: 0, error: 0, cancelled: 0, 'timed-out': 0, crashed: 0 }
  readonly #options: SessionRecordOptions
  #ready: ReadyMessage | undefined
  #heartbeat: { readonly fields: Omit<HeartbeatMessage, 'type'>; readonly atMs: number } | undefined
  #isTainted = false
  generation = 0

  constructor(options: SessionRecordOptions) {
    this.#options = options
  }

  startGeneration(): void {
    this.generation++
    this.#isTainted = false
    this.#ready = undefined
    this.#heartbeat = undefined
  }

  ready(message: ReadyMessage): void {
    this.#ready = message
  }

  heartbeat(fields: Omit<HeartbeatMessage, 'type'>): void {
    this.#heartbeat = { fields, atMs: this.#options.clock.now() }
  }

  settled({ status, tainted }: Outcome): void {
    this.#byStatus[status]++
    if (tainted) this.#isTainted = true
  }

  get isTainted(): boolean {
    return this.#isTainted
  }

  /** Whether the present worker and this host have agreed on it. */
  get nodeVersion(): string {
    return this.#ready?.nodeVersion.replace(/^v/, '') ?? ''
  }

  offers(feature: Feature): boolean {
    return this.#ready?.features.includes(feature) ?? false
  }

  info({ state, transport, inFlight, streams, interceptors, restored, warmup }: SessionFigures): SessionInfo {
    const { sessionId, isolation, clock, bridge } = this.#options
    const heartbeat = this.#heartbeat
    return {
      sessionId,
      state,
      isolation,
      generation: this.generation,
      ...(this.#ready !== undefined && transport !== undefined && { worker: workerInfo(this.#ready, transport.pid) }),
      tainted: this.#isTainted,
      ...(restored !== undefined && { restored }),
      ...(warmup !== undefined && { warmup }),
      ...(heartbeat !== undefined && {
        heartbeat: heartbeat.fields,
        heartbeatAgeMs: clock.now() - heartbeat.atMs,
      }),
      ...(transport !== undefined && { transport: { kind: transport.kind, ...transport.counters } }),
      streams,
      ...(bridge !== undefined && { bridge: bridge() }),
      interceptors,
      counters: { ...this.counters, ...inFlight, byStatus: { ...this.#byStatus } },
    }
  }
}

function workerInfo(ready: ReadyMessage, pid: number): NonNullable<SessionInfo['worker']> {
  const { nodeVersion, protocol, codec, features, executors, settings } = ready
  // the pid that the worker gives is its word only
  return { pid, nodeVersion, protocol, codec, features, executors, settings }
}
