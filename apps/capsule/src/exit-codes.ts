import type { Outcome } from '@capsule/session'

/** What the process ends with; `docs/cli.md` lists them. */
export const exitCodes = {
  ok: 0,
  guestError: 1,
  usage: 2,
  /** EX_SOFTWARE: the worker died, or no session could be started. */
  crashed: 70,
  /** As `timeout(1)` has it. */
  timedOut: 124,
  /** As a shell reports SIGINT. */
  cancelled: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export function exitCodeOf(status: Outcome['status']): ExitCode {
  switch (status) {
    case 'ok':
      return exitCodes.ok
    case 'error':
      return exitCodes.guestError
    case 'cancelled':
      return exitCodes.cancelled
    case 'timed-out':
      return exitCodes.timedOut
    case 'crashed':
      return exitCodes.crashed
  }
}
