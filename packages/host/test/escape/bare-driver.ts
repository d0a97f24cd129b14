import { defaultDrivers, type IsolationDriver } from '@capsule/sandbox'

/** Flags of Node that confine; without them only the system does. */
const confining = /^--(permission|allow-|no-experimental-sqlite|freeze-flags-after-init|no-addons)/

/** For this suite only: the driver of level `os` without Node's own checks. */
export function bareOsDrivers(): readonly IsolationDriver[] {
  return defaultDrivers()
    .filter(({ level }) => level === 'os')
    .map((driver) => ({
      ...driver,
      name: 'bwrap-alone',
      async prepare(launch) {
        const prepared = await driver.prepare(launch)
        return { ...prepared, args: prepared.args.filter((arg) => !confining.test(arg)) }
      },
    }))
}
