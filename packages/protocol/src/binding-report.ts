import * as z from 'zod'

/** Why a binding cannot be carried over. A newer worker may give others. */
export type SkipReason =
  /** A socket, timer, server or the like: it belongs to the process. */
  | 'open-handle'
  /** An object whose state JavaScript cannot see: a WeakMap, a generator, a function of the engine. */
  | 'native-object'
  /** A function or class that uses variables of a surrounding function or block. */
  | 'local-closure'
  | 'pending-promise'
  | 'proxy'
  /** An instance of a class that no cell defined and that is not built in. */
  | 'foreign-instance'
  /** An instance of a class with `#private` members. */
  | 'private-state'
  /** A function whose source is in no cell that is still kept. */
  | 'unknown-source'
  /** Of a rollback: it was frozen meanwhile, or its memory given away. */
  | 'frozen'
  | 'import-failed'
  | 'evaluation-failed'
  | 'too-large'

export const bindingReportSchema = z.object({
  /** The binding; `Out[3]` and `_` for values that the history keeps. */
  name: z.string(),
  /** `restored`: as data. `re-evaluated`: from its source, as functions, classes and imports are. */
  status: z.enum(['restored', 're-evaluated', 'skipped']),
  /** Present when skipped. */
  reason: z.custom<SkipReason>((value) => typeof value === 'string').optional(),
  /** What exactly, and where in the value (`config.sockets[2]: Socket`). */
  detail: z.string().optional(),
})
/** What becomes, or became, of one binding in a checkpoint, a restore or a rollback. */
export type BindingReport = z.infer<typeof bindingReportSchema>
