import { spawnSync } from 'node:child_process'
import { defaultDrivers, type IsolationLevel } from '@capsule/sandbox'

/** Whether a level `os` that is not available would be Capsule's own fault. */
function bubblewrapWorks(): boolean {
  const args = ['--unshare-all', '--ro-bind', '/', '/', '--', '/bin/true']
  return spawnSync('/usr/bin/bwrap', args, { env: {}, stdio: 'ignore' }).status === 0
}

/** Those of the levels that this machine has; says loudly which ones it lacks, for their tests do not run then. */
export async function availableLevels<Level extends IsolationLevel>(levels: readonly Level[]): Promise<Level[]> {
  const available: Level[] = []
  for (const driver of defaultDrivers()) {
    const level = levels.find((each) => each === driver.level)
    if (level === undefined) continue
    const availability = await driver.probe({ nodePath: process.execPath })
    if (availability.isAvailable) available.push(level)
    else if (level === 'os' && bubblewrapWorks())
      throw new Error(`bubblewrap works here, and the level does not: ${availability.reason}`)
    else console.error(`NOT TESTED: isolation level '${level}': ${availability.reason} (${availability.nextStep})`)
  }
  return available
}
