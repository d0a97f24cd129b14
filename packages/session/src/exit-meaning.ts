import type { CapsuleError } from '@capsule/core'
import type { ProcessExit } from '@capsule/transport'
import { sessionErrors } from './errors.ts'

/** How and why one worker ended. */
export interface WorkerDeath {
  readonly exit: ProcessExit & { readonly stderrTail: string }
  /** What the host saw go wrong before the process was gone. */
  readonly failure?: WorkerFailure | undefined
}

export type WorkerFailure =
  /** The host killed it for a reason of its own. */
  | { readonly kind: 'ended'; readonly cause: CapsuleError }
  /** It sent what it must not send, and the host killed it. */
  | { readonly kind: 'violation'; readonly reason: string; readonly cause?: CapsuleError }
  /** Its connection broke; a death in the middle of a frame looks like this. */
  | { readonly kind: 'connection'; readonly cause: CapsuleError }
  /** It said itself why it ends. */
  | { readonly kind: 'report'; readonly code: string | undefined; readonly message: string }

const signalMeanings: Readonly<Record<string, string>> = {
  SIGKILL: 'killed from outside, maybe by the OOM killer',
  SIGABRT: 'aborted by itself',
  SIGSEGV: 'invalid memory access in native code',
  SIGBUS: 'invalid memory access in native code',
  SIGILL: 'illegal instruction',
  SIGTRAP: 'V8 gave up, usually because an allocation was too large',
  SIGTERM: 'asked to end from outside',
  SIGINT: 'interrupted from outside',
  SIGHUP: 'its terminal closed',
}
// what a wrapper such as a shell or bwrap reports: 128 + the signal's number
const signalsByNumber: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
}

/** One line: exit code or signal, and what that usually means. */
function exitMeaning({ code, signal }: ProcessExit): string {
  if (signal !== null) return withMeaning(`signal ${signal}`, signal)
  if (code === null) return 'its connection was lost'
  const wrapped = signalsByNumber[code - 128]
  if (wrapped !== undefined) return withMeaning(`exit code ${code} (${wrapped})`, wrapped)
  return code === 0 ? 'exit code 0, as after process.exit()' : `exit code ${code}`
}

function withMeaning(what: string, signal: string): string {
  const meaning = signalMeanings[signal]
  return meaning === undefined ? what : `${what}: ${meaning}`
}

/** The error that tells a caller of this death. */
export function deathError({ exit, failure }: WorkerDeath): CapsuleError {
  if (failure?.kind === 'ended') return failure.cause
  if (failure?.kind === 'violation') {
    return sessionErrors.WORKER_VIOLATED_PROTOCOL({ reason: failure.reason, exit }, { cause: failure.cause })
  }
  const meaning = exitMeaning(exit)
  if (/heap out of memory|Allocation failed/.test(exit.stderrTail)) {
    return sessionErrors.WORKER_OUT_OF_MEMORY({ meaning, exit })
  }
  if (failure?.kind === 'report')
    return sessionErrors.WORKER_EXITED({ meaning: `${meaning}; ${failure.message}`, exit })
  return sessionErrors.WORKER_EXITED({ meaning, exit }, { cause: failure?.cause })
}
