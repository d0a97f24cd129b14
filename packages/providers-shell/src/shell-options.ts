import { type Clock, systemClock } from '@capsule/core'
import * as z from 'zod'

/** A program that cells may run, and how. */
export interface AllowedCommand {
  /** Absolute path of the program: an executable or a script that begins with `#!`. Not a `.cmd` or `.bat`. */
  readonly path: string
  /** What its arguments may be: `argv([...])` or any schema of a string array. @defaultValue any that do not begin with `-` */
  readonly args?: z.ZodType<readonly string[]>
  /** Added to the environment from scratch. @defaultValue nothing */
  readonly env?: Readonly<Record<string, string>>
  /** One line, for who writes cells and for who approves calls. */
  readonly summary?: string
  /** From its start to the end of all that it has started. @defaultValue 30 000 */
  readonly timeoutMs?: number
  /** Of stdout and of stderr, each. @defaultValue 1 MiB */
  readonly maxOutputBytes?: number
  /** What is over that: dropped while the command goes on, or the end of the command. @defaultValue 'truncate' */
  readonly overflow?: 'truncate' | 'fail'
  /** Of its standard input. @defaultValue 1 MiB */
  readonly maxInputBytes?: number
  /** The exit codes that are a success; another one is SHELL_EXIT_UNEXPECTED. @defaultValue every exit is a value */
  readonly exitCodes?: readonly number[]
}

/** Limits of each process, as setrlimit has them; they need `prlimit` of util-linux. */
export interface ProcessLimits {
  /** Processor time, seconds. */
  readonly cpuSeconds?: number | undefined
  /** Address space, bytes. Programs that reserve more than they use (Node, Java, Go) need far more than they show. */
  readonly addressSpaceBytes?: number | undefined
  /** The largest file that it may write, bytes. */
  readonly fileBytes?: number | undefined
  readonly openFiles?: number | undefined
}

export interface ShellOptions {
  /** What can be run, by the names that cells use. */
  readonly commands: Readonly<Record<string, AllowedCommand>>
  /**
   * The directory that commands work in; a call may choose one below it with `cwd`. @defaultValue a fresh empty temporary
   * directory per call, removed afterwards
   */
  readonly root?: string
  /**
   * How all that a command has started is ended. `namespace`: by the kernel, nothing can stay (Linux with bubblewrap).
   * `group`: what is found, a process that hides can stay. `auto`: the stronger that can be had. @defaultValue 'auto'
   */
  readonly treeKill?: 'auto' | 'namespace' | 'group'
  /**
   * What commands see of the file system: all that the user may see, or only these paths, read-only, with the working
   * directory (and root) writable and an own `/tmp` of 64 MiB. Needs `namespace`. @defaultValue 'host'
   */
  readonly mounts?: 'host' | { readonly readOnly: readonly string[] }
  /** False: commands have no network but a loopback of their own. Needs `namespace`. @defaultValue true */
  readonly network?: boolean
  /** Commands that run at once; more wait for their turn. @defaultValue 4 */
  readonly maxConcurrent?: number
  /** @defaultValue those of the host */
  readonly processLimits?: ProcessLimits
  /** Added to the niceness of the host, 0 to 19. @defaultValue 0 */
  readonly nice?: number
  /** The user and the group that commands run as; only root can set them. @defaultValue those of the host */
  readonly uid?: number
  readonly gid?: number
  /** For tests. */
  readonly clock?: Clock
}

const bytes = z.int().positive()
const id = z
  .int()
  .min(0)
  .max(2 ** 32 - 2)
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and _')
const noNul = z.string().refine((text) => !text.includes('\0'), 'must not contain NUL')
const absolute = noNul.refine((path) => /^(?:\/|[A-Za-z]:[\\/])/.test(path), 'must be an absolute path')

const isSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { safeParse?: unknown }).safeParse === 'function'

const commandSchema = z.strictObject({
  path: absolute.refine((path) => !/\.(?:cmd|bat)$/i.test(path), 'must not be a batch file: only a shell can run it'),
  args: z.custom<z.ZodType<readonly string[]>>(isSchema, 'must be a zod schema, for example of argv([...])').optional(),
  env: z.record(variable, noNul).default({}),
  summary: z.string().optional(),
  timeoutMs: z.number().positive().default(30_000),
  maxOutputBytes: bytes.default(1024 * 1024),
  overflow: z.enum(['truncate', 'fail']).default('truncate'),
  maxInputBytes: bytes.default(1024 * 1024),
  exitCodes: z.array(z.int().min(0).max(255)).min(1).optional(),
})
export type ResolvedCommand = z.output<typeof commandSchema>

const commandName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/, 'a name must be letters, digits and _ . + -, at most 64')

export const shellOptionsSchema = z.strictObject({
  commands: z
    .record(commandName, commandSchema)
    .refine((commands) => Object.keys(commands).length > 0, 'must name at least one command'),
  root: absolute.optional(),
  treeKill: z.enum(['auto', 'namespace', 'group']).default('auto'),
  mounts: z.union([z.literal('host'), z.strictObject({ readOnly: z.array(absolute) })]).default('host'),
  network: z.boolean().default(true),
  maxConcurrent: z.int().positive().default(4),
  processLimits: z
    .strictObject({
      cpuSeconds: z.int().positive().optional(),
      addressSpaceBytes: bytes.optional(),
      fileBytes: bytes.optional(),
      openFiles: z.int().min(8).optional(),
    })
    .default({}),
  nice: z.int().min(0).max(19).default(0),
  uid: id.optional(),
  gid: id.optional(),
  clock: z
    .custom<Clock>((value) => typeof value === 'object' && value !== null, 'must be a clock')
    .default(systemClock),
})
export type ResolvedShellOptions = z.output<typeof shellOptionsSchema>
