import { defaultDrivers, type IsolationLevel } from '@capsule/sandbox'

/** Those of the levels that this machine has; says loudly which ones it lacks, for their tests do not run then. */
export async function availableLevels<Level extends IsolationLevel>(levels: readonly Level[]): Promise<Level[]> {
  const available: Level[] = []
  for (const driver of defaultDrivers()) {
    const level = levels.find((each) => each === driver.level)
    if (level === undefined) continue
    const availability = await driver.probe({ nodePath: process.execPath })
    if (availability.isAvailable) available.push(level)
    else console.error(`NOT TESTED: isolation level '${level}': ${availability.reason} (${availability.nextStep})`)
  }
  return available
}
