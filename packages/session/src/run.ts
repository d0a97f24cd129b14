import { sessionErrors } from './errors.ts'
import { weightOf } from './event-queue.ts'
import type { ApprovalDecision } from './capabilities/capability-grants.ts'
import { JoinedExecution } from './joined-execution.ts'
import type { ExecuteOptions, Execution, ExecutionEvent, RunOptions, RunResult } from './session.ts'

// unit: characters
const defaultMaxOutputLength = 16 * 1024 * 1024

/** Reads an execution to its end, answering its questions. Rejects only with what the caller's own callbacks throw. */
export async function collect(
  execute: (options: ExecuteOptions) => Execution,
  { onInput, onApproval, onEvent, maxOutputLength = defaultMaxOutputLength, ...executeOptions }: RunOptions,
): Promise<RunResult> {
  const execution = execute(executeOptions)
  const text = { stdout: '', stderr: '' }
  const events: ExecutionEvent[] = []
  let left = maxOutputLength
  let isTruncated = false
  const take = (event: ExecutionEvent): void => {
    const kept = event.type === 'output' ? cut(event, left) : lengthOf(event) <= left ? event : undefined
    if (kept !== event) isTruncated = true
    if (kept === undefined) return
    events.push(kept)
    left -= lengthOf(kept)
    if (kept.type !== 'output') return
    text[kept.stream] += kept.text
  }
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  failed.catch(() => {})
  const read = async (): Promise<void> => {
    try {
      for await (const event of execution) {
        onEvent?.(event)
        take(event)
        if (event.type === 'input-request' && isToAnswer(execution, event, onInput)) {
          answer(execution, event, onInput).catch(fail)
        }
        if (event.type === 'approval-request' && isToDecide(execution, event, onApproval)) {
          decide(execution, event, onApproval).catch(fail)
        }
      }
    } catch (error) {
      // a replay that is cut is like any collected output that is: what there is, and the outcome says so
      if (!sessionErrors.REPLAY_TRUNCATED.is(error)) throw error
      isTruncated = true
    }
  }
  try {
    await Promise.race([read(), failed])
  } catch (error) {
    await execution.cancel()
    throw error
  }
  const outcome = await execution.outcome
  return { outcome: isTruncated ? { ...outcome, truncated: true } : outcome, ...text, events }
}

/** What an event takes of `maxOutputLength`. */
function lengthOf(event: ExecutionEvent): number {
  switch (event.type) {
    case 'output':
      return event.text.length
    case 'display':
    case 'progress':
      return weightOf(event)
    case 'input-request':
    case 'approval-request':
    case 'error':
      return 0
  }
}

type OutputEvent = Extract<ExecutionEvent, { type: 'output' }>

function cut(event: OutputEvent, left: number): OutputEvent | undefined {
  if (event.text.length <= left) return event
  return left > 0 ? { ...event, text: event.text.slice(0, left) } : undefined
}

type InputEvent = Extract<ExecutionEvent, { type: 'input-request' }>

/** A call that only joined leaves questions to the call that started the execution, unless it can answer them itself. */
function isToAnswer(execution: Execution, { inputId }: InputEvent, onInput: RunOptions['onInput']): boolean {
  if (!(execution instanceof JoinedExecution)) return true
  return onInput !== undefined && execution.isWaitingFor(inputId)
}

async function answer(execution: Execution, event: InputEvent, onInput: RunOptions['onInput']): Promise<void> {
  const { inputId, prompt, secret = false } = event
  const reply = onInput === undefined ? null : await onInput(prompt, { inputId, secret })
  await execution.respond(inputId, reply).catch((error: unknown) => {
    // the cell may have ended, or given up, while a person was typing
    if (!sessionErrors.INPUT_NOT_PENDING.is(error)) throw error
  })
}

type ApprovalEvent = Extract<ExecutionEvent, { type: 'approval-request' }>

/** As `isToAnswer`. */
function isToDecide(
  execution: Execution,
  { approvalId }: ApprovalEvent,
  onApproval: RunOptions['onApproval'],
): boolean {
  if (!(execution instanceof JoinedExecution)) return true
  return onApproval !== undefined && execution.isAwaitingApproval(approvalId)
}

const nobody: ApprovalDecision = { decision: 'deny', reason: 'the host asks nobody (run() has no onApproval)' }

async function decide(
  execution: Execution,
  { type: _type, executionId: _executionId, late: _late, ...approval }: ApprovalEvent,
  onApproval: RunOptions['onApproval'],
): Promise<void> {
  // what is no decision, as from a callback that returns nothing, approves of nothing
  const given =
    onApproval === undefined
      ? nobody
      : (((await onApproval(approval)) as boolean | ApprovalDecision | undefined) ?? false)
  const { decision, ...options } = typeof given === 'object' ? given : { decision: given === true ? 'approve' : 'deny' }
  const { approvalId } = approval
  const told = decision === 'approve' ? execution.approve(approvalId, options) : execution.deny(approvalId, options)
  await told.catch((error: unknown) => {
    // its time was over, or the cell has ended, while a person was thinking
    if (!sessionErrors.APPROVAL_NOT_PENDING.is(error)) throw error
  })
}
