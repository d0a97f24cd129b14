import * as z from 'zod'
import { bindingReportSchema } from './binding-report.ts'

export const transactionModeSchema = z.enum(['commit-always', 'rollback-on-failure', 'rollback-always'])
/** What becomes of a cell's changes to the namespace when it ends. */
export type TransactionMode = z.infer<typeof transactionModeSchema>

export const transactionReportSchema = z.object({
  action: z.enum(['committed', 'rolled-back']),
  /** Of a rollback: the bindings that were put back (`restored`), and those that may not be as before (`skipped`). */
  report: z.array(bindingReportSchema),
})
export type TransactionReport = z.infer<typeof transactionReportSchema>
