import * as z from 'zod'
import { type ArgumentPattern, argumentPatternSchema } from './argument-pattern.ts'
import { isCapabilityPattern } from './capability-pattern.ts'

/** How long an approval holds: for this call, for the execution, or for the session. */
export type ApprovalScope = 'call' | 'execution' | 'session'

/** What the calls of one rule may take together. */
export interface Budget {
  /** Every call that a rule decides counts, also one that fails. */
  readonly calls?: number | undefined
  /** Of encoded arguments and streamed bodies. */
  readonly inputBytes?: number | undefined
  /** Of encoded values and streamed bodies. */
  readonly outputBytes?: number | undefined
  /** The sum of the times for which handlers run; not the waiting for a person or for a turn. */
  readonly timeMs?: number | undefined
  /** Calls that run at once; more wait for their turn. */
  readonly concurrent?: number | undefined
}

/** Lowers the limits of the capability for each call; what is higher than those changes nothing. */
export interface CallBudget {
  readonly timeoutMs?: number | undefined
  readonly inputBytes?: number | undefined
  readonly outputBytes?: number | undefined
}

export interface RuleLimits {
  readonly perCall?: CallBudget | undefined
  readonly perExecution?: Budget | undefined
  readonly perSession?: Budget | undefined
}

/** Plain data: it survives JSON. */
export interface PolicyRule {
  /** Unique in its policy: errors, audit records and budgets name it. */
  readonly id: string
  /** `approve` asks a person for each call that nobody has approved yet. */
  readonly effect: 'allow' | 'deny' | 'approve'
  /** `files.read`, `files.*`, `*`; one of several is enough. */
  readonly capability: string | readonly string[]
  /** Fields of the checked input by name (`method`, `headers.accept`, `args.0`); all must match. @defaultValue any input */
  readonly when?: Readonly<Record<string, ArgumentPattern>> | undefined
  readonly limits?: RuleLimits | undefined
  readonly approve?:
    | {
        /** How long a person may take. @defaultValue as long as the execution */
        readonly timeoutMs?: number | undefined
        /** How long an approval holds, at the longest; a decision may say less. @defaultValue 'call' */
        readonly remember?: ApprovalScope | undefined
      }
    | undefined
  /** Told with every refusal by this rule. */
  readonly reason?: string | undefined
}

/** Rules that are not in any policy: what decides when none does, and what the host has revoked. */
export const defaultRule = 'default'
export const revokedRule = 'revoked'

const countSchema = z.number().int().nonnegative()
const durationSchema = z.number().positive()
const patternSchema = z.string().refine(isCapabilityPattern, 'must be like files.read, files.* or *')
const scopeSchema = z.enum(['call', 'execution', 'session'])

const budgetSchema = z.strictObject({
  calls: countSchema.optional(),
  inputBytes: countSchema.optional(),
  outputBytes: countSchema.optional(),
  timeMs: countSchema.optional(),
  concurrent: z.number().int().positive().optional(),
})

export const ruleSchema: z.ZodType<PolicyRule> = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, _, . and -')
      .refine((id) => id !== defaultRule && id !== revokedRule, `must not be ${defaultRule} or ${revokedRule}`),
    effect: z.enum(['allow', 'deny', 'approve']),
    capability: z.union([patternSchema, z.array(patternSchema).min(1).max(1000)]),
    when: z
      .record(z.string().min(1).max(256), argumentPatternSchema)
      .refine((when) => Object.keys(when).length > 0, 'must name a field; leave it out for any input')
      .optional(),
    limits: z
      .strictObject({
        perCall: z
          .strictObject({
            timeoutMs: durationSchema.optional(),
            inputBytes: countSchema.optional(),
            outputBytes: countSchema.optional(),
          })
          .optional(),
        perExecution: budgetSchema.optional(),
        perSession: budgetSchema.optional(),
      })
      .optional(),
    approve: z.strictObject({ timeoutMs: durationSchema.optional(), remember: scopeSchema.optional() }).optional(),
    reason: z.string().max(512).optional(),
  })
  .refine(({ effect, approve }) => effect === 'approve' || approve === undefined, {
    path: ['approve'],
    message: "needs the effect 'approve'",
  })
  .refine(({ effect, limits }) => effect !== 'deny' || limits === undefined, {
    path: ['limits'],
    message: "must not be with the effect 'deny', which allows nothing",
  })
