import { existsSync } from 'node:fs'
import { confinedFlags } from './confined-flags.ts'
import { bwrapArguments, fileInside, nodeInside } from './bwrap-arguments.ts'
import { confinedEnv } from './environment.ts'
import { sandboxErrors } from './errors.ts'
import type { Availability, IsolationDriver, PreparedLaunch, WorkerLaunchRequest } from './isolation-driver.ts'
import { shieldedStdio } from './leaked-descriptors.ts'
import { refuseCwd } from './own-directory.ts'
import { createProbe } from './probe.ts'
import { innermostChild } from './process-tree.ts'
import { encodeSeccompProgram, isSeccompArch } from './seccomp/seccomp-program.ts'
import { sharedLibraries } from './shared-libraries.ts'
import { readablePaths } from './staged-files.ts'
import { permissionConditions, trialProgram, tryStart } from './trial-start.ts'
import { unprivilegedUser } from './unprivileged-user.ts'

export interface BwrapDriverOptions {
  /** An absolute path. @defaultValue the first of /usr/bin/bwrap, /bin/bwrap, /usr/local/bin/bwrap */
  readonly bwrapPath?: string
  /** What a worker may write to its directory, which is in memory. @defaultValue 64 MiB */
  readonly tmpLimitBytes?: number
}

/** By absolute path: what PATH would find may be anything. */
const bwrapPaths = ['/usr/bin/bwrap', '/bin/bwrap', '/usr/local/bin/bwrap']
const seccompFd = 5
const defaultTmpLimitBytes = 64 * 1024 * 1024
/** Its user inside: never one of the host's names. */
const insideUser = { uid: 65534, gid: 65534 }

/** Level `os`: bubblewrap's namespaces and a seccomp filter, with Node's permission model inside. Linux on x64 and arm64. */
export function createBwrapDriver(options: BwrapDriverOptions = {}): IsolationDriver {
  const { bwrapPath = bwrapPaths.find((path) => existsSync(path)), tmpLimitBytes = defaultTmpLimitBytes } = options
  const commandOf = (launch: WorkerLaunchRequest, program: Program): Promise<BwrapCommand> =>
    bwrapCommand(launch, program, { bwrapPath, tmpLimitBytes })
  return {
    name: 'bwrap',
    level: 'os',
    probe: createProbe((nodePath) => tryBwrap(nodePath, bwrapPath, commandOf)),
    async prepare(launch) {
      refuseCwd('os', launch)
      // bubblewrap passes it on: in its arguments every user of the machine could read it
      const env = confinedEnv('os', launch.env)
      const { command, args, user } = await commandOf(launch, 'worker')
      return {
        command,
        args,
        env,
        cwd: '/',
        ...user,
        tellsSignalsAsCodes: true,
        extraStdio: shieldedStdio([{ type: 'bytes', bytes: seccompBytes() }]),
        workerPid: innermostChild,
        release: async () => {},
      }
    },
  }
}

type Program = 'worker' | { readonly evaluate: string }

interface BwrapCommand extends Pick<PreparedLaunch, 'command' | 'args'> {
  readonly user: { readonly uid: number; readonly gid: number } | undefined
}

async function bwrapCommand(
  launch: WorkerLaunchRequest,
  program: Program,
  { bwrapPath, tmpLimitBytes }: { bwrapPath: string | undefined; tmpLimitBytes: number },
): Promise<BwrapCommand> {
  const refused = refusalOf(bwrapPath)
  if (refused !== undefined || bwrapPath === undefined) {
    const refusals = refused === undefined ? [] : [{ driver: 'bwrap', level: 'os', ...refused }]
    throw sandboxErrors.ISOLATION_UNAVAILABLE({ asked: 'os', available: [], refusals })
  }
  const user = unprivilegedUser(launch)
  const [nodePath = launch.nodePath] = await readablePaths([launch.nodePath], user)
  const entryFiles = await readablePaths(launch.entryFiles, user)
  const libraries = await sharedLibraries(nodePath)
  const inside = entryFiles.map(fileInside)
  const readableFiles = program === 'worker' ? inside : ['/proc/self/status']
  return {
    command: bwrapPath,
    args: [
      ...bwrapArguments({ nodePath, libraries, entryFiles, user: insideUser, tmpLimitBytes, seccompFd }),
      '--',
      nodeInside,
      ...launch.nodeFlags,
      ...confinedFlags({ ...launch, readableFiles }),
      ...(program === 'worker' ? [inside[0] ?? '', ...launch.workerArgs] : ['-e', program.evaluate]),
    ],
    user,
  }
}

/** Why it cannot be tried at all. */
function refusalOf(bwrapPath: string | undefined): { reason: string; nextStep: string } | undefined {
  if (process.platform !== 'linux' || !isSeccompArch(process.arch)) {
    const reason = `there is no such level on ${process.platform} ${process.arch}`
    return { reason, nextStep: 'use Linux on x64 or arm64, or a custom driver' }
  }
  if (bwrapPath !== undefined && existsSync(bwrapPath)) return undefined
  const reason = `bubblewrap is not at ${bwrapPath ?? bwrapPaths.join(', ')}`
  return { reason, nextStep: 'install it: apt-get install bubblewrap' }
}

async function tryBwrap(
  nodePath: string,
  bwrapPath: string | undefined,
  commandOf: (launch: WorkerLaunchRequest, program: Program) => Promise<BwrapCommand>,
): Promise<Availability> {
  const refused = refusalOf(bwrapPath)
  if (refused !== undefined) return { isAvailable: false, ...refused }
  const launch = { nodePath, entryFiles: [], nodeFlags: [], workerArgs: [], startGrants: [], env: {} }
  const { command, args, user } = await commandOf(launch, { evaluate: trialProgram(osConditions) })
  const extraStdio = [{ type: 'bytes', bytes: seccompBytes() } as const]
  const nextStep =
    'allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; in a container, its seccomp profile), and keep Node where every user can read it'
  return tryStart({ command, args, env: {}, cwd: '/', extraStdio, ...user }, nextStep)
}

const status = "require('node:fs').readFileSync('/proc/self/status', 'latin1')"
const osConditions = [
  ...permissionConditions,
  `process.getuid() === ${insideUser.uid}`,
  // the process namespace holds bubblewrap and this
  'process.pid < 10',
  `/^Seccomp:\\s*2$/m.test(${status})`,
  `/^NoNewPrivs:\\s*1$/m.test(${status})`,
  `/^CapEff:\\s*0+$/m.test(${status})`,
]

function seccompBytes(): Uint8Array {
  return isSeccompArch(process.arch) ? encodeSeccompProgram(process.arch) : new Uint8Array()
}
