import { type DriverRefusal, sandboxErrors } from './errors.ts'
import type { IsolationDriver } from './isolation-driver.ts'
import { type AskedIsolation, type IsolationLevel, strengthOf } from './isolation-level.ts'

export interface ResolveIsolationOptions {
  readonly asked: AskedIsolation
  /** Of two with the same level the first is taken. */
  readonly drivers: readonly IsolationDriver[]
  readonly nodePath: string
}

/** What sessions get. */
export interface ObtainedIsolation {
  readonly level: IsolationLevel
  readonly driver: IsolationDriver
}

/**
 * Finds a driver that works here: for `auto` the strongest, for a named level the weakest that gives at least it. Never
 * less than asked, and nothing weaker in the place of what is missing.
 * @throws ISOLATION_UNAVAILABLE
 */
export async function resolveIsolation({
  asked,
  drivers,
  nodePath,
}: ResolveIsolationOptions): Promise<ObtainedIsolation> {
  const refusals: DriverRefusal[] = []
  for (const driver of candidates(asked, drivers)) {
    const availability = await driver.probe({ nodePath })
    const { name, level } = driver
    if (availability.isAvailable) return { level, driver }
    const { reason, nextStep } = availability
    refusals.push({ driver: name, level, reason, nextStep })
  }
  const available: string[] = []
  for (const driver of byStrength(drivers)) {
    const { isAvailable } = await driver.probe({ nodePath })
    if (isAvailable && !available.includes(driver.level)) available.push(driver.level)
  }
  throw sandboxErrors.ISOLATION_UNAVAILABLE({ asked, available, refusals })
}

const byStrength = (drivers: readonly IsolationDriver[]): IsolationDriver[] =>
  drivers.toSorted((a, b) => strengthOf(a.level) - strengthOf(b.level))

function candidates(asked: AskedIsolation, drivers: readonly IsolationDriver[]): IsolationDriver[] {
  if (asked === 'auto') return drivers.toSorted((a, b) => strengthOf(b.level) - strengthOf(a.level))
  return byStrength(drivers).filter(({ level }) => strengthOf(level) >= strengthOf(asked))
}
