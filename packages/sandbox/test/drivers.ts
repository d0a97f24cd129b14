import { createBwrapDriver, createPermissionDriver, createPlainDriver, customDriver } from '@capsule/sandbox'

const candidates = {
  'plain (none)': () => createPlainDriver('none'),
  'plain (process)': () => createPlainDriver('process'),
  permission: () => createPermissionDriver(),
  bwrap: () => createBwrapDriver(),
  custom: () =>
    customDriver({
      name: 'custom',
      level: 'process',
      wrapCommand: (argv) => ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--', ...argv],
      workerPid: (pid) => pid,
    }),
}

/** Makes each driver that works on this machine; says loudly which ones do not, for their tests do not run then. */
export async function availableDrivers(): Promise<[string, () => ReturnType<typeof createBwrapDriver>][]> {
  const available: [string, () => ReturnType<typeof createBwrapDriver>][] = []
  for (const [name, create] of Object.entries(candidates)) {
    const availability = await create().probe({ nodePath: process.execPath })
    if (availability.isAvailable) available.push([name, create])
    else console.error(`NOT TESTED: the driver ${name}: ${availability.reason} (${availability.nextStep})`)
  }
  return available
}
