import { coreErrors } from '@capsule/core'
import * as z from 'zod'
import { confinedFlags, heapFlags } from './confined-flags.ts'
import { confinedEnv, inheritedEnv } from './environment.ts'
import type { Availability, IsolationDriver, PreparedLaunch, WorkerLaunchRequest } from './isolation-driver.ts'
import { type IsolationLevel, isConfined, isolationLevels } from './isolation-level.ts'
import { shieldedStdio } from './leaked-descriptors.ts'
import { refuseCwd } from './own-directory.ts'
import { createProbe } from './probe.ts'
import { readablePaths } from './staged-files.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { permissionConditions, trialProgram, tryStart } from './trial-start.ts'

export interface CustomDriverOptions {
  readonly name: string
  /** What it gives; nobody checks that beyond a start. */
  readonly level: IsolationLevel
  /**
   * Turns the command line of a worker into the one that is started (`['docker', 'run', ...]`). What is started must pass
   * on fd 0 to 4 and end with the worker.
   */
  readonly wrapCommand: (argv: readonly string[]) => readonly string[]
  /** Of what is started, instead of the worker's own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether Node's permission model is used inside, with the paths of the host. @defaultValue at levels `permission` and `os` */
  readonly usesPermissionModel?: boolean
  /** The worker's pid in the host's view, for limits of memory and CPU. @defaultValue not known */
  readonly workerPid?: (startedPid: number) => number | undefined
}

const optionsSchema = z.strictObject({
  name: z.string().min(1),
  level: z.enum(isolationLevels),
  wrapCommand: z.custom<CustomDriverOptions['wrapCommand']>(
    (value) => typeof value === 'function',
    'must be a function',
  ),
  env: z.record(z.string(), z.string()).optional(),
  usesPermissionModel: z.boolean().optional(),
  workerPid: z
    .custom<NonNullable<CustomDriverOptions['workerPid']>>((value) => typeof value === 'function', 'must be a function')
    .optional(),
})

/** A driver over another tool: a container runtime, gVisor, a wrapper of one's own. @throws INVALID_OPTIONS */
export function customDriver(options: CustomDriverOptions): IsolationDriver {
  const { error } = optionsSchema.safeParse(options)
  if (error !== undefined) {
    const problems = error.issues.map(({ path, message }) => [...path, message].join(': '))
    throw coreErrors.INVALID_OPTIONS({ where: 'customDriver()', problems })
  }
  const { name, level } = options
  return {
    name,
    level,
    probe: createProbe((nodePath) => tryCustom(nodePath, options)),
    prepare: (launch) => prepareCustom(launch, options),
  }
}

const hasPermissionModel = ({ level, usesPermissionModel = isConfined(level) }: CustomDriverOptions): boolean =>
  usesPermissionModel

function tryCustom(nodePath: string, options: CustomDriverOptions): Promise<Availability> {
  const isPermitted = hasPermissionModel(options)
  const flags = isPermitted ? confinedFlags({ readableFiles: [], startGrants: [] }) : []
  const program = trialProgram(isPermitted ? permissionConditions : [])
  const [command = '', ...args] = options.wrapCommand([nodePath, ...flags, '-e', program])
  const trial = { command, args, env: { ...options.env }, cwd: '/', extraStdio: [] }
  return tryStart(trial, `look at what the driver '${options.name}' starts`)
}

function envOf({ env: given }: WorkerLaunchRequest, { level, env }: CustomDriverOptions): Record<string, string> {
  if (env !== undefined) return { ...env }
  if (level === 'none') return inheritedEnv(given)
  return isConfined(level) ? confinedEnv(level, given) : { ...given }
}

async function prepareCustom(launch: WorkerLaunchRequest, options: CustomDriverOptions): Promise<PreparedLaunch> {
  const { level, wrapCommand, workerPid } = options
  if (isConfined(level)) refuseCwd(level, launch)
  const env = envOf(launch, options)
  const { nodePath, nodeFlags, workerArgs, maxHeapMb, uid, gid } = launch
  const entryFiles = await readablePaths(launch.entryFiles, undefined)
  const flags = hasPermissionModel(options)
    ? confinedFlags({ ...launch, readableFiles: entryFiles })
    : heapFlags(maxHeapMb)
  const argv = [nodePath, ...nodeFlags, ...flags, entryFiles[0] ?? '', ...workerArgs]
  const [command = '', ...args] = wrapCommand(argv)
  const directory = launch.cwd === undefined ? await createTemporaryDirectory() : undefined
  return {
    command,
    args,
    env,
    cwd: launch.cwd ?? directory?.path ?? '/',
    uid,
    gid,
    extraStdio: shieldedStdio([]),
    workerPid,
    release: async () => directory?.remove(),
  }
}
