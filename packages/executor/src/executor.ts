import type {
  CancelMessage,
  CapabilityCancelMessage,
  CapabilityManifest,
  CapabilityRequestMessage,
  CapabilityResponseMessage,
  CapturedNamespace,
  DisplayMessage,
  ErrorMessage,
  ExecuteMessage,
  InputRequestMessage,
  InputResponseMessage,
  InspectAnswer,
  InspectQuery,
  InterruptMessage,
  OutputMessage,
  ProgressMessage,
  ResetAnswer,
  RestoreAnswer,
  RestoreMode,
  ResultMessage,
  StreamMessage,
} from '@capsule/protocol'

export interface ExecutorAbilities {
  /** Cancel ends running synchronous code and keeps the namespace. */
  readonly preemptive: boolean
  /** `prompt()` can block a cell until it is answered. */
  readonly syncInput: boolean
  /** Several executions may run at once. */
  readonly concurrent: boolean
}

/** Everything that leaves an executor, on its one ordered way out. The terminal message is the last of its execution. */
export type ExecutorMessage =
  | OutputMessage
  | DisplayMessage
  | ProgressMessage
  | InputRequestMessage
  | CapabilityRequestMessage
  | CapabilityCancelMessage
  | ResultMessage
  | ErrorMessage

/** Where an executor's messages go. Called in order, never after `dispose`. */
export type ExecutorSink = (message: ExecutorMessage) => void

export interface ExecutorStats {
  /** What runs now, oldest first. */
  readonly executionIds: readonly string[]
  readonly bindings: number
  /** Of the thread that runs cells, as far as it has told. */
  readonly heapUsedBytes: number
  /** How long the thread that runs cells has not answered, at the time of asking. */
  readonly eventLoopDelayMs: number
}

/** Runs cells over one namespace. */
export interface Executor extends AsyncDisposable {
  readonly name: string
  readonly abilities: ExecutorAbilities
  /**
   * Accepts one cell: from here on exactly one terminal message with its id reaches the sink.
   * @throws EXECUTOR_BUSY when as many run as it can; EXECUTOR_DISPOSED
   */
  execute(message: ExecuteMessage): void
  /** Answers an input request or a capability call; an unknown or answered one is ignored. */
  respond(message: InputResponseMessage | CapabilityResponseMessage): void
  /** What cells can call from now on. Until the first time: no capability, but `input` and `prompt`. */
  grant(manifest: CapabilityManifest): void
  /** Stops one execution; unknown and settled ids are ignored. Idempotent. */
  cancel(message: CancelMessage): void
  /** Stops whatever runs, late code of settled cells included where the executor is preemptive. */
  interrupt(message: InterruptMessage): void
  inspect(query: InspectQuery): Promise<InspectAnswer>
  /** Writes the namespace down. Rejects with what went wrong in the engine. */
  capture(options: { limitBytes: number }): Promise<CapturedNamespace>
  /** Puts a captured namespace in the place of this one, or over it; `interrupt` ends it. */
  restore(payload: Uint8Array, mode: RestoreMode): Promise<RestoreAnswer>
  /** When nothing runs: ends what settled executions have left behind, and empties the namespace. */
  reset(options: { cooperativeMs: number }): Promise<ResetAnswer>
  /** The reader took this many bytes of output. */
  credit(bytes: number): void
  /** What the host says of the cells' channels; those that are not of this executor's hub are ignored. Absent: it has none. */
  stream?(message: StreamMessage): void
  stats(): ExecutorStats
  /** Resolves when everything accepted is settled and handed to the sink, or `graceMs` passed. */
  drain(options: { graceMs: number }): Promise<void>
}
