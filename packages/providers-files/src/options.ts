import { isAbsolute } from 'node:path'
import { coreErrors } from '@capsule/core'
import * as z from 'zod'
import { rootNamePattern } from './file-path.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

const count = z.int().min(1)
const permissions = z.int().min(0).max(0o777)

const rootSchema = z.strictObject({
  path: z.string().refine(isAbsolute, 'must be an absolute path'),
  mode: z.enum(['ro', 'rw']).default('ro'),
  create: z.boolean().default(false),
  hardLinks: z.enum(['refuse', 'allow']).default('refuse'),
  mounts: z.enum(['refuse', 'allow']).default('refuse'),
  maxWrittenBytes: z.int().min(0).default(GiB),
  maxCreatedEntries: z.int().min(0).default(10_000),
  fileMode: permissions.default(0o644),
  directoryMode: permissions.default(0o755),
})

const optionsSchema = z.strictObject({
  roots: z
    .record(z.string(), rootSchema)
    .refine((roots) => Object.keys(roots).length > 0, 'must hold at least one root')
    .refine(
      (roots) => Object.keys(roots).every((name) => rootNamePattern.test(name)),
      'names must be letters, digits, _ and -, not first a digit or -, at most 64 characters',
    ),
  confinement: z.enum(['auto', 'descriptors', 'realpath']).default('auto'),
  fsync: z.boolean().default(false),
  maxReadBytes: count.default(8 * MiB),
  maxStreamBytes: count.default(GiB),
  maxOpenStreams: count.default(64),
  maxWriteBytes: count.default(64 * MiB),
  maxEntries: count.default(1000),
  maxDirectoryEntries: count.default(100_000),
  maxRemovedEntries: count.default(10_000),
  maxDepth: z.int().min(1).max(256).default(32),
  maxNameBytes: z.int().min(1).max(255).default(255),
})

export interface FilesRootOptions {
  /** Of an existing directory, absolute. Links on the way to it are followed once, at creation. */
  readonly path: string
  /** @defaultValue 'ro' */
  readonly mode?: 'ro' | 'rw'
  /** Makes the directory, and what is missing above it. @defaultValue false */
  readonly create?: boolean
  /** Whether files with several names are read and appended to. @defaultValue 'refuse': a name may lie outside */
  readonly hardLinks?: 'refuse' | 'allow'
  /** Whether file systems that are mounted within the root are entered. @defaultValue 'refuse' */
  readonly mounts?: 'refuse' | 'allow'
  /** Unit: bytes, over the life of the provider. @defaultValue 1 GiB */
  readonly maxWrittenBytes?: number
  /** Unit: new files and directories, over the life of the provider. @defaultValue 10,000 */
  readonly maxCreatedEntries?: number
  /** Permissions of new files, less the umask of the process. @defaultValue 0o644 */
  readonly fileMode?: number
  /** Permissions of new directories, less the umask of the process. @defaultValue 0o755 */
  readonly directoryMode?: number
}

export interface FilesOptions {
  /** By the names that paths begin with: `data` of `data:/reports/a.txt`. */
  readonly roots: Readonly<Record<string, FilesRootOptions>>
  /** @defaultValue 'auto': `descriptors` on Linux, the weaker `realpath` elsewhere */
  readonly confinement?: 'auto' | 'descriptors' | 'realpath'
  /** Whether `write` and `append` wait until the disk has the data. @defaultValue false */
  readonly fsync?: boolean
  /** Unit: bytes that one `read` brings. Threat: memory of host and worker. @defaultValue 8 MiB */
  readonly maxReadBytes?: number
  /** Unit: bytes that one `readStream` brings. @defaultValue 1 GiB */
  readonly maxStreamBytes?: number
  /** Unit: bodies of `readStream` open at once. Threat: all descriptors of the host. @defaultValue 64 */
  readonly maxOpenStreams?: number
  /** Unit: bytes of one `write` or `append`. @defaultValue 64 MiB */
  readonly maxWriteBytes?: number
  /** Unit: entries of one page of `list`. @defaultValue 1000 */
  readonly maxEntries?: number
  /** Unit: entries of a directory that `list` looks through. @defaultValue 100,000 */
  readonly maxDirectoryEntries?: number
  /** Unit: entries that one recursive `remove` takes away. @defaultValue 10,000 */
  readonly maxRemovedEntries?: number
  /** Unit: names in a path; at most 256. Threat: a descriptor for each level. @defaultValue 32 */
  readonly maxDepth?: number
  /** Unit: bytes of one name in UTF-8; at most 255. @defaultValue 255 */
  readonly maxNameBytes?: number
}

export type ResolvedFilesOptions = z.output<typeof optionsSchema>
export type ResolvedRootOptions = z.output<typeof rootSchema>

/** @throws INVALID_OPTIONS */
export function parseOptions(options: FilesOptions): ResolvedFilesOptions {
  const { success, data, error } = optionsSchema.safeParse(options)
  if (success) return data
  throw invalidOptions(
    error.issues.map(({ path, message }) => `${path.map(String).join('.') || 'options'}: ${message}`),
  )
}

export function invalidOptions(problems: readonly string[]): Error {
  return coreErrors.INVALID_OPTIONS({ where: 'files()', problems })
}
