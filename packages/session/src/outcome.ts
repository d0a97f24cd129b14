import { type CapsuleError, isCapsuleError } from '@capsule/core'
import {
  type BindingReport,
  type CellMode,
  decodeValue,
  type OutputCounters,
  type ResultMessage,
  type TerminalErrorMessage,
  type TransactionReport,
  type WireError,
} from '@capsule/protocol'
import type { ProcessExit } from '@capsule/transport'

/** How one execution ended. Guest failures are outcomes, never rejections. */
export interface Outcome {
  readonly executionId: string
  readonly status: 'ok' | 'error' | 'cancelled' | 'timed-out' | 'crashed'
  /** What became of the session's namespace. */
  readonly state: 'kept' | 'rolled-back' | 'lost'
  /** The completion value, when it survives the wire; else absent. */
  readonly value?: unknown
  /** The completion value as `util.inspect` shows it. */
  readonly text?: string
  readonly error?: OutcomeError
  readonly durationMs: number
  /** A hard cancel went through Node's internals: renew this session when convenient. */
  readonly tainted?: true
  /** `value`, `text` or collected output was cut to its budget. */
  readonly truncated?: true
  /** The cell's number in `In` and `Out`; absent without history or when it never started. */
  readonly cell?: number
  readonly mode?: CellMode
  readonly executor?: string
  /** 0 dropped while queued, 1 cooperative, 2 terminated, 3 killed. Present when the execution was stopped. */
  readonly cancelRung?: 0 | 1 | 2 | 3
  /** Present when the worker died. */
  readonly exit?: ProcessExit & { readonly stderrTail: string }
  readonly output: OutputCounters
  /** Of state `rolled-back` after the loss of a worker: what the fresh one started from. */
  readonly checkpointId?: string
  /** Of a cell that ran as a transaction. */
  readonly transaction?: TransactionOutcome
}

export interface TransactionOutcome {
  readonly action: 'committed' | 'rolled-back'
  /** Of a rollback: the bindings that were put back, and those that may not be as before (`skipped`, with the reason). */
  readonly report: readonly BindingReport[]
  /** What left the session while the cell ran, and that no rollback takes back. */
  readonly effects: readonly TransactionEffect[]
}

export type TransactionEffect =
  /** A person was asked. */
  | { readonly type: 'input'; readonly inputId: string; readonly prompt: string; readonly isAnswered: boolean }
  /** A capability was called. `error`: it was refused or failed, which may have left something behind. `pending`: it was under way at the end. */
  | {
      readonly type: 'capability'
      readonly callId: string
      readonly capability: string
      readonly outcome: 'pending' | 'ok' | 'error'
    }

export interface OutcomeError {
  /** Of a thrown non-error: its text (`5`). */
  readonly name: string
  readonly message: string
  readonly code?: string
  /** In cell coordinates. */
  readonly stack?: string
  readonly line?: number
  readonly column?: number
  readonly cause?: OutcomeError
  readonly errors?: readonly OutcomeError[]
  /** The thrown value when it was not an error and survives the wire. */
  readonly thrown?: unknown
}

export type TerminalMessage = ResultMessage | TerminalErrorMessage

/** What the host itself dropped because nobody read it. */
export interface HostDrops {
  readonly bytes: number
  readonly chunks: number
}

/** The outcome that a terminal message tells of. A value that does not decode is left out: `text` still shows it. */
export function outcomeOf(message: TerminalMessage, drops: HostDrops): Outcome {
  // filled in place: this is the hot path, and each spread of an optional field costs a copy
  const outcome: Writable<Outcome> = {
    executionId: message.executionId,
    status: message.type === 'result' ? 'ok' : message.status,
    state: 'kept',
    durationMs: message.durationMs,
    mode: message.mode,
    executor: message.executor,
    output: withDrops(message.output, drops),
  }
  if (message.cell > 0) outcome.cell = message.cell
  if (message.tainted) outcome.tainted = true
  if (message.transaction !== undefined) setTransaction(outcome, message.transaction)
  if (drops.bytes > 0) outcome.truncated = true
  if (message.type === 'error') {
    outcome.error = outcomeErrorOf(message.error)
    if (message.rung !== undefined) outcome.cancelRung = message.rung
    return outcome
  }
  outcome.text = message.text
  if (message.truncated) outcome.truncated = true
  if (message.value !== undefined) setValue(outcome, message.value)
  return outcome
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** The effects are the host's to tell. */
function setTransaction(outcome: Writable<Outcome>, { action, report }: TransactionReport): void {
  outcome.transaction = { action, report, effects: [] }
  if (action === 'rolled-back') outcome.state = 'rolled-back'
}

/** Sets nothing when what a worker sent as a value is not one. */
function setValue(outcome: Writable<Outcome>, bytes: Uint8Array): void {
  try {
    outcome.value = decodeValue(bytes)
  } catch {
    // `text` still shows it
  }
}

function withDrops(output: Outcome['output'], { bytes, chunks }: HostDrops): Outcome['output'] {
  if (chunks === 0) return output
  return { ...output, droppedBytes: output.droppedBytes + bytes, droppedChunks: output.droppedChunks + chunks }
}

/** `{}` when there is none or when what a worker sent as one is not one. */
function thrownField(bytes: Uint8Array | undefined): Pick<OutcomeError, 'thrown'> {
  if (bytes === undefined) return {}
  try {
    return { thrown: decodeValue(bytes) }
  } catch {
    return {}
  }
}

/** An error as callers see it: absent fields are absent, and `thrown` is decoded. */
export function outcomeErrorOf(error: WireError): OutcomeError {
  return {
    name: error.name,
    message: error.message,
    ...(error.code !== undefined && { code: error.code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.line !== undefined && { line: error.line }),
    ...(error.column !== undefined && { column: error.column }),
    ...(error.cause !== undefined && { cause: outcomeErrorOf(error.cause) }),
    ...(error.errors !== undefined && { errors: error.errors.map(outcomeErrorOf) }),
    ...thrownField(error.thrown),
  }
}

/** One of Capsule's own errors as the error of an outcome. */
export function outcomeErrorFrom(error: CapsuleError): OutcomeError {
  const { name, message, code, cause } = error
  return { name, message, code, ...(isCapsuleError(cause) && { cause: outcomeErrorFrom(cause) }) }
}
