import { type AbortOptions, type Clock, type IdSource, isCapsuleError, type Logger } from '@capsule/core'
import type { RestoreMode } from '@capsule/protocol'
import { sessionErrors } from '../errors.ts'
import type { RestoredFacts, SessionEvents } from '../session.ts'
import type { Emitter } from '../emitter.ts'
import type { Checkpoint } from './checkpoint.ts'
import { openCheckpoint, sealCheckpoint } from './checkpoint-blob.ts'
import type { ResolvedCheckpointPolicy } from './checkpoint-policy.ts'
import type { SnapshotLink } from './snapshot-link.ts'

export interface SessionCheckpointsOptions {
  readonly sessionId: string
  readonly policy: ResolvedCheckpointPolicy
  readonly link: SnapshotLink
  readonly clock: Clock
  readonly ids: IdSource
  readonly logger: Logger
  readonly emitter: Emitter<SessionEvents>
  /** Of the present worker. */
  readonly nodeVersion: () => string
}

export type RestoreSource = Checkpoint | Uint8Array | string

/** What is read and checked, and only has to be put into a worker. */
interface Opened {
  readonly checkpoint: Checkpoint
  readonly payload: Uint8Array
}

/** The checkpoints of one session: taken, kept, counted, and put back. */
export class SessionCheckpoints {
  readonly #options: SessionCheckpointsOptions
  #executions = 0
  /** What a worker that takes over starts from. */
  #latestId: string | undefined
  #restored: RestoredFacts | undefined

  constructor(options: SessionCheckpointsOptions) {
    this.#options = options
  }

  /** What the namespace was last restored from. */
  get restored(): RestoredFacts | undefined {
    return this.#restored
  }

  /** Whether a worker that takes over has something to start from. */
  get canRecover(): boolean {
    return this.#options.policy.recover && this.#latestId !== undefined
  }

  wantsBefore(code: string): boolean {
    return this.#options.policy.before?.(code) === true
  }

  /** Says whether a checkpoint is due after this execution. */
  executed(): boolean {
    const { every } = this.#options.policy
    if (every === undefined || ++this.#executions < every) return false
    this.#executions = 0
    return true
  }

  /** The namespace was emptied on purpose: what was there is nothing to come back to. */
  forget(): void {
    this.#latestId = undefined
    this.#restored = undefined
    this.#executions = 0
  }

  /** Takes a checkpoint and keeps it. */
  async take({
    name,
    signal,
    isKept = true,
  }: { name?: string | undefined; isKept?: boolean } & AbortOptions): Promise<Checkpoint> {
    const { policy, link, ids, clock, sessionId, nodeVersion, emitter } = this.#options
    const { limits, timeoutMs, store } = policy
    const { payload, report, cells, snapshotVersion } = await link.capture(limits.payloadBytes, { signal, timeoutMs })
    const checkpoint = await sealCheckpoint(
      {
        id: ids.next('checkpoint'),
        ...(name !== undefined && { name }),
        sessionId,
        createdAtMs: clock.wallTimeMs(),
        cell: cells,
        nodeVersion: nodeVersion(),
        snapshotVersion,
        report,
        payload,
      },
      { limits, ...(signal !== undefined && { signal }) },
    )
    if (!isKept) return checkpoint
    await store.save(checkpoint)
    this.#latestId = checkpoint.id
    emitter.emit('checkpoint', checkpoint)
    return checkpoint
  }

  /** As `take`, for those that nobody waits for: a failure is an event. */
  async takeByPolicy(): Promise<Checkpoint | undefined> {
    try {
      return await this.take({})
    } catch (error) {
      this.#options.logger.warn('automatic checkpoint failed', { error })
      this.#options.emitter.emit('checkpoint-failed', asError(error))
      return undefined
    }
  }

  /** @throws CHECKPOINT_NOT_FOUND and what reading a blob throws; the namespace is untouched */
  async open(source: RestoreSource, { signal }: AbortOptions): Promise<Opened> {
    const { store, limits } = this.#options.policy
    if (source instanceof Uint8Array) return openCheckpoint(source, { limits })
    if (typeof source !== 'string') return openCheckpoint(source.bytes, { limits })
    const found = await store.load(source, signal === undefined ? {} : { signal })
    if (found === undefined) throw sessionErrors.CHECKPOINT_NOT_FOUND({ id: source })
    return openCheckpoint(found.bytes, { limits })
  }

  /** Takes as long as code of the checkpoint does. @throws CHECKPOINT_MALFORMED, RESTORE_FAILED, and why the worker ended */
  async putBack({ checkpoint, payload }: Opened, mode: RestoreMode): Promise<RestoredFacts> {
    const { link, emitter } = this.#options
    const answer = await link.restore(payload, mode)
    switch (answer.kind) {
      case 'malformed':
        throw sessionErrors.CHECKPOINT_MALFORMED({ problem: answer.problem })
      case 'failed':
        throw sessionErrors.RESTORE_FAILED({ message: answer.error.message })
      case 'restored':
        this.#restored = { checkpointId: checkpoint.id, mode, report: answer.report }
        if (mode === 'replace') await this.#comeBackTo(checkpoint)
        emitter.emit('restored', this.#restored)
        return this.#restored
    }
  }

  /** What is there now is what this checkpoint holds: a worker that takes over starts from it, wherever it came from. */
  async #comeBackTo(checkpoint: Checkpoint): Promise<void> {
    const { policy } = this.#options
    if (!policy.recover || checkpoint.id === this.#latestId) return
    await policy.store.save(checkpoint)
    this.#latestId = checkpoint.id
  }

  /** Puts the last checkpoint into a worker that takes over. Never rejects; undefined: the namespace stays empty. */
  async recover(): Promise<string | undefined> {
    const id = this.#latestId
    if (id === undefined) return undefined
    try {
      await this.putBack(await this.open(id, {}), 'replace')
      return id
    } catch (error) {
      this.#options.logger.error('recovery from a checkpoint failed', { checkpointId: id, error })
      this.#options.emitter.emit('checkpoint-failed', asError(error))
      return undefined
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error || isCapsuleError(error) ? error : new Error(String(error))
}
