import { confinedFlags } from './confined-flags.ts'
import { confinedEnv } from './environment.ts'
import type { Availability, IsolationDriver, PreparedLaunch, WorkerLaunchRequest } from './isolation-driver.ts'
import { shieldedStdio } from './leaked-descriptors.ts'
import { refuseCwd } from './own-directory.ts'
import { createProbe } from './probe.ts'
import { withParentDeathSignal } from './setpriv.ts'
import { readablePaths } from './staged-files.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { permissionConditions, trialProgram, tryStart } from './trial-start.ts'
import { unprivilegedUser } from './unprivileged-user.ts'

/**
 * Level `permission`: Node's permission model, as another user where the host is root. Not a boundary: on Node 24 the
 * network stays open, and a worker can signal the processes of its user.
 */
export function createPermissionDriver(): IsolationDriver {
  return { name: 'permission', level: 'permission', probe: createProbe(tryPermission), prepare }
}

async function tryPermission(nodePath: string): Promise<Availability> {
  const user = unprivilegedUser()
  const [node = nodePath] = await readablePaths([nodePath], user)
  const flags = confinedFlags({ readableFiles: [], startGrants: [] })
  const [command, ...args] = withParentDeathSignal([node, ...flags, '-e', trialProgram(permissionConditions)])
  const nextStep = 'use Node 24.21 or later, where every user can read it'
  return tryStart({ command, args, env: {}, cwd: '/', extraStdio: [], ...user }, nextStep)
}

async function prepare(launch: WorkerLaunchRequest): Promise<PreparedLaunch> {
  refuseCwd('permission', launch)
  const env = confinedEnv('permission', launch.env)
  const user = unprivilegedUser(launch)
  const [node = launch.nodePath] = await readablePaths([launch.nodePath], user)
  // real paths: the permission model does not follow links to what was granted
  const readableFiles = await readablePaths(launch.entryFiles, user)
  const [entry = ''] = readableFiles
  const flags = confinedFlags({ ...launch, readableFiles })
  const [command, ...args] = withParentDeathSignal([node, ...launch.nodeFlags, ...flags, entry, ...launch.workerArgs])
  const directory = await createTemporaryDirectory({ owner: user })
  return {
    command,
    args,
    env,
    cwd: directory.path,
    ...user,
    extraStdio: shieldedStdio([]),
    workerPid: (pid) => pid,
    release: () => directory.remove(),
  }
}
