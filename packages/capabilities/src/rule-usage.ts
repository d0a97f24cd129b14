import type { Clock } from '@capsule/core'
import { BudgetAccount, type BudgetScope } from './budget-account.ts'
import type { Plan } from './grants.ts'
import type { Budget, PolicyRule } from './policy-rule.ts'
import type { Gate } from './turns.ts'

interface Usage {
  /** By the id of their rule, so that they outlive a change of the policy. */
  readonly accounts: Map<string, BudgetAccount>
  readonly gates: Map<string, Gate>
}

const noAccounts: readonly BudgetAccount[] = []

/** What the rules have given so far, per execution and to the session. */
export class RuleUsage {
  readonly #clock: Clock
  readonly #ofSession: Usage = newUsage()
  readonly #ofExecutions = new Map<string, Usage>()
  readonly #ofCapabilities = new Map<string, Gate>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  accountsOf({ id, limits }: PolicyRule, executionId: string): readonly BudgetAccount[] {
    if (limits === undefined) return noAccounts
    const { perExecution, perSession } = limits
    const accounts: BudgetAccount[] = []
    if (perExecution !== undefined) {
      accounts.push(this.#accountOf(this.#usageOf(executionId), id, perExecution, 'execution'))
    }
    if (perSession !== undefined) accounts.push(this.#accountOf(this.#ofSession, id, perSession, 'session'))
    return accounts
  }

  /** What a call passes before it runs, and the name of its line. */
  gatesOf({ name, limits }: Plan, rule: PolicyRule, executionId: string): { gates: readonly Gate[]; lane: string } {
    const gates = [gateOf(this.#ofCapabilities, name, limits.concurrent)]
    const { perExecution, perSession } = rule.limits ?? {}
    if (perSession?.concurrent !== undefined) {
      gates.push(gateOf(this.#ofSession.gates, rule.id, perSession.concurrent))
    }
    if (perExecution?.concurrent === undefined)
      return { gates, lane: gates.length === 1 ? name : `${name}\n${rule.id}` }
    gates.push(gateOf(this.#usageOf(executionId).gates, rule.id, perExecution.concurrent))
    return { gates, lane: `${name}\n${rule.id}\n${executionId}` }
  }

  forgetExecution(executionId: string): void {
    this.#ofExecutions.delete(executionId)
  }

  #usageOf(executionId: string): Usage {
    let usage = this.#ofExecutions.get(executionId)
    if (usage === undefined) this.#ofExecutions.set(executionId, (usage = newUsage()))
    return usage
  }

  #accountOf({ accounts }: Usage, rule: string, budget: Budget, per: BudgetScope): BudgetAccount {
    const account = accounts.get(rule)
    if (account === undefined) {
      const opened = new BudgetAccount(budget, per, this.#clock)
      accounts.set(rule, opened)
      return opened
    }
    account.setBudget(budget)
    return account
  }
}

function newUsage(): Usage {
  return { accounts: new Map(), gates: new Map() }
}

function gateOf(gates: Map<string, Gate>, name: string, limit: number): Gate {
  const gate = gates.get(name)
  if (gate === undefined) {
    const opened = { limit, running: 0 }
    gates.set(name, opened)
    return opened
  }
  gate.limit = limit
  return gate
}
