import type {
  Approval,
  ApprovalDecision,
  ExecuteOptions,
  Execution,
  ExecutionEvent,
  Outcome,
  Session,
} from '@capsule/session'
import { sessionErrors } from '@capsule/session'
import { bridgeErrors } from '../errors.ts'
import type { DurableExecuteOptions } from './durable-executions.ts'

export interface CellHandlers {
  readonly onEvent: (event: ExecutionEvent) => void
  /** The n-th question. */
  readonly onInput: (prompt: string, question: { n: number; secret: boolean }) => Promise<string | null>
  readonly onApproval: DurableExecuteOptions['onApproval']
}

/** Runs one cell to its end. Rejects only with what the handlers throw; a cell that has asked something else than before ends in an error. */
export async function driveCell(
  session: Session,
  { code, options }: { code: string; options: ExecuteOptions },
  handlers: CellHandlers,
): Promise<Outcome> {
  const execution = session.execute(code, options)
  let failure: { readonly error: unknown } | undefined
  const fail = (error: unknown): void => {
    // what a cell that is being stopped still wanted fails with it
    if (options.signal?.aborted === true) return
    failure ??= { error }
    void execution.cancel()
  }
  let asked = 0
  for await (const event of execution) {
    try {
      handlers.onEvent(event)
    } catch (error) {
      fail(error)
    }
    if (event.type === 'input-request') answer(execution, event, ++asked, handlers).catch(fail)
    if (event.type === 'approval-request') decide(execution, event, handlers).catch(fail)
  }
  const outcome = await execution.outcome
  if (failure === undefined) return outcome
  const { error } = failure
  if (!bridgeErrors.REPLAY_DIVERGED.is(error)) throw error
  const { name, message, code: errorCode } = error
  const { value: _value, text: _text, cancelRung: _cancelRung, ...rest } = outcome
  return { ...rest, status: 'error', error: { name, message, code: errorCode } }
}

type InputEvent = Extract<ExecutionEvent, { type: 'input-request' }>

async function answer(execution: Execution, event: InputEvent, n: number, { onInput }: CellHandlers): Promise<void> {
  const { inputId, prompt, secret = false } = event
  const reply = await onInput(prompt, { n, secret })
  await execution.respond(inputId, reply).catch((error: unknown) => {
    // the cell may have ended, or given up, meanwhile
    if (!sessionErrors.INPUT_NOT_PENDING.is(error)) throw error
  })
}

type ApprovalEvent = Extract<ExecutionEvent, { type: 'approval-request' }>

const nobody: ApprovalDecision = { decision: 'deny', reason: 'the host asks nobody (execute() has no onApproval)' }

async function decide(execution: Execution, event: ApprovalEvent, { onApproval }: CellHandlers): Promise<void> {
  const { type: _type, executionId: _executionId, late: _late, ...approval } = event
  const given = onApproval === undefined ? nobody : await asked(onApproval, approval)
  const { decision, ...options } = typeof given === 'object' ? given : { decision: given ? 'approve' : 'deny' }
  const { approvalId } = approval
  const told = decision === 'approve' ? execution.approve(approvalId, options) : execution.deny(approvalId, options)
  await told.catch((error: unknown) => {
    if (!sessionErrors.APPROVAL_NOT_PENDING.is(error)) throw error
  })
}

/** What is no decision, as from a callback that returns nothing, approves of nothing. */
async function asked(
  onApproval: NonNullable<CellHandlers['onApproval']>,
  approval: Approval,
): Promise<boolean | ApprovalDecision> {
  const given = (await onApproval(approval)) as boolean | ApprovalDecision | undefined
  return typeof given === 'object' ? given : given === true
}
