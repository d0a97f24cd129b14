import type { Clock } from '@capsule/core'
import { CellExecution } from './execution.ts'
import type { ExecutionPorts } from './execution-ports.ts'
import { withOptions } from './execution-request.ts'
import type { ExecutionIds } from './execution-ids.ts'
import { type IdempotencyLimits, IdempotencyRecords } from './idempotency.ts'
import { JoinedExecution } from './joined-execution.ts'
import type { ExecuteOptions } from './session.ts'

export interface ExecutionFactoryOptions {
  readonly session: {
    readonly clock: Clock
    readonly timeoutMs: number
    readonly graceMs: number
    readonly outputWindowBytes: number
    readonly idempotency: IdempotencyLimits
  }
  readonly executionIds: ExecutionIds
  readonly ports: ExecutionPorts
}

/** Makes the executions of one session, and finds those that a key stands for already. */
export class ExecutionFactory {
  readonly #options: ExecutionFactoryOptions
  readonly #records: IdempotencyRecords

  constructor(options: ExecutionFactoryOptions) {
    this.#options = options
    this.#records = new IdempotencyRecords(options.session)
  }

  /** `undefined`: it is to be made. @throws IDEMPOTENCY_CONFLICT */
  find(code: string, options: ExecuteOptions | undefined): JoinedExecution | undefined {
    if (options?.idempotencyKey === undefined) return undefined
    const record = this.#records.find(options.idempotencyKey, code, options)
    return record && new JoinedExecution(record, options, this.#options.session.outputWindowBytes)
  }

  create(code: string, options?: ExecuteOptions): CellExecution {
    const { session, executionIds, ports } = this.#options
    const { timeoutMs, graceMs } = session
    const message = { type: 'execute', executionId: executionIds.next(), code } as const
    const request = { message, timeoutMs, graceMs, signal: undefined }
    // most calls give none, and this is the hot path
    if (options === undefined) return new CellExecution(ports, request)
    const execution = new CellExecution(ports, withOptions(request, options))
    if (options.idempotencyKey !== undefined) this.#records.open(options.idempotencyKey, code, options, execution)
    return execution
  }

  /** A cell that belongs to the start of its worker, and gets no number. */
  createWarmup(code: string): CellExecution {
    const { session, executionIds, ports } = this.#options
    const { timeoutMs, graceMs } = session
    const message = {
      type: 'execute',
      executionId: executionIds.next(),
      code,
      storeHistory: false,
      warmup: true,
    } as const
    return new CellExecution(ports, { message, timeoutMs, graceMs })
  }

  /** The worker is gone, and with it what recorded executions have left in the namespace. */
  namespaceLost(): void {
    this.#records.namespaceLost()
  }

  /** Keys of before stand for nothing any more. */
  forget(): void {
    this.#records.clear()
  }
}
