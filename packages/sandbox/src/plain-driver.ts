import { heapFlags } from './confined-flags.ts'
import { inheritedEnv } from './environment.ts'
import type { IsolationDriver, PreparedLaunch, WorkerLaunchRequest } from './isolation-driver.ts'
import { shieldedStdio } from './leaked-descriptors.ts'
import { withParentDeathSignal } from './setpriv.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** Levels `none` and `process`: a process of its own, and no boundary. */
export function createPlainDriver(level: 'none' | 'process'): IsolationDriver {
  return {
    name: 'plain',
    level,
    probe: () => Promise.resolve({ isAvailable: true }),
    prepare: (launch) => (level === 'none' ? prepareNone(launch) : prepareProcess(launch)),
  }
}

function argvOf({
  nodePath,
  nodeFlags,
  entryFiles,
  workerArgs,
  maxHeapMb,
}: WorkerLaunchRequest): [string, ...string[]] {
  const [entry = ''] = entryFiles
  return [nodePath, ...nodeFlags, ...heapFlags(maxHeapMb), entry, ...workerArgs]
}

async function prepareNone(launch: WorkerLaunchRequest): Promise<PreparedLaunch> {
  const [command, ...args] = withParentDeathSignal(argvOf(launch))
  const { env, cwd = process.cwd(), uid, gid } = launch
  return {
    command,
    args,
    env: inheritedEnv(env),
    cwd,
    uid,
    gid,
    extraStdio: [],
    workerPid: (pid) => pid,
    release: async () => {},
  }
}

async function prepareProcess(launch: WorkerLaunchRequest): Promise<PreparedLaunch> {
  const [command, ...args] = withParentDeathSignal(argvOf(launch))
  const { env, cwd, uid, gid } = launch
  const owner = uid === undefined ? undefined : { uid, gid: gid ?? uid }
  const directory = cwd === undefined ? await createTemporaryDirectory({ owner }) : undefined
  return {
    command,
    args,
    env: { ...env },
    cwd: cwd ?? directory?.path ?? '/',
    uid,
    gid,
    extraStdio: shieldedStdio([]),
    workerPid: (pid) => pid,
    release: async () => directory?.remove(),
  }
}
