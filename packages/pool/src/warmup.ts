import type { SessionInfo, WarmupCell } from '@capsule/session'
import type { ResolvedPoolOptions } from './options.ts'
import type { PoolEvents } from './pool.ts'
import type { WarmupModuleInfo } from './pool-info.ts'

/** Some parts of a worker, and of its connection, are made ready by the first cell that needs them: not by a caller's. */
const firstCell: WarmupCell = { code: 'await 1; 1 + 1', label: 'first cell' }

interface ModuleAccount {
  loads: number
  failures: number
  lastMs: number
  totalMs: number
  maxMs: number
  lastError?: string
}

/** What each session runs before it is handed out, and how the modules among that fared. */
export class Warmup {
  readonly cells: readonly WarmupCell[]
  /** In the order of the cells, which the imports come first in. */
  readonly #modules: readonly string[]
  readonly #accounts = new Map<string, ModuleAccount>()
  readonly #onFailed: (facts: PoolEvents['warmup-failed'][0]) => void

  constructor(
    { code, imports }: ResolvedPoolOptions['warmup'],
    onFailed: (facts: PoolEvents['warmup-failed'][0]) => void,
  ) {
    this.#modules = imports.map(({ module }) => module)
    this.#onFailed = onFailed
    this.cells = [
      ...imports.map(({ module, isRequired }) => ({
        code: `await import(${JSON.stringify(module)}); undefined`,
        label: `import ${module}`,
        isOptional: !isRequired,
      })),
      ...code.map((each, index) => ({ code: each, label: `warm-up code ${index}` })),
      firstCell,
    ]
  }

  /** Counts what the warm-up of one worker did. */
  ran(report: NonNullable<SessionInfo['warmup']> | undefined): void {
    for (const [index, module] of this.#modules.entries()) {
      const cell = report?.[index]
      if (cell === undefined) continue
      const account = this.#accountOf(module)
      account.loads++
      account.lastMs = cell.durationMs
      account.totalMs += cell.durationMs
      account.maxMs = Math.max(account.maxMs, cell.durationMs)
      if (cell.status !== 'ok') this.#failed(account, module, cell.error?.message ?? cell.status)
    }
  }

  /** A required cell failed the start. */
  refused(index: number, message: string): void {
    const module = this.#modules[index]
    if (module === undefined) return
    const account = this.#accountOf(module)
    account.loads++
    this.#failed(account, module, message)
  }

  info(): readonly WarmupModuleInfo[] {
    return [...this.#accounts].map(([module, { totalMs, ...account }]) => ({
      module,
      ...account,
      meanMs: account.loads === 0 ? 0 : totalMs / account.loads,
    }))
  }

  #failed(account: ModuleAccount, module: string, message: string): void {
    account.failures++
    account.lastError = message
    this.#onFailed({ module, reason: message })
  }

  #accountOf(module: string): ModuleAccount {
    let account = this.#accounts.get(module)
    if (account === undefined) {
      account = { loads: 0, failures: 0, lastMs: 0, totalMs: 0, maxMs: 0 }
      this.#accounts.set(module, account)
    }
    return account
  }
}
