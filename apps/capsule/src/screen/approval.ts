import type { Execution, ExecutionEvent } from '@capsule/session'

export type ApprovalEvent = Extract<ExecutionEvent, { type: 'approval-request' }>

/** What a person is asked in a terminal. */
export function approvalQuestion({ capability, summary, rule }: ApprovalEvent): string {
  return `Allow ${capability} (rule ${rule}): ${summary} [y/N] `
}

/** Anything but `y` or `yes` denies. */
export async function decideApproval(
  execution: Execution,
  { approvalId }: ApprovalEvent,
  answer: string | null,
): Promise<void> {
  const isApproved = /^y(es)?$/i.test(answer?.trim() ?? '')
  const decided = isApproved ? execution.approve(approvalId) : execution.deny(approvalId)
  // its time may be over, or the cell
  await decided.catch(() => {})
}
