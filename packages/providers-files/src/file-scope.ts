import { filesErrors } from './errors.ts'
import { formatFilePath, parseFilePath, type PathRules } from './file-path.ts'
import type { OpenFiles } from './open-files.ts'
import type { ResolvedFilesOptions, ResolvedRootOptions } from './options.ts'
import type { Quota } from './quota.ts'
import type { Directory, Root } from './root/root.ts'

/** What the capabilities of one provider share. */
export interface FileScope {
  readonly roots: ReadonlyMap<string, GrantedRoot>
  readonly options: ResolvedFilesOptions
  readonly pathRules: PathRules
  readonly streams: OpenFiles
}

export interface GrantedRoot {
  readonly root: Root
  readonly options: ResolvedRootOptions
  readonly quota: Quota
}

/** What a path names: the root, or an entry of a directory. */
export interface Located {
  readonly grant: GrantedRoot
  /** In its one spelling. */
  readonly path: string
  readonly segments: readonly string[]
}

export interface LocatedEntry extends Located {
  readonly parents: readonly string[]
  readonly name: string
}

/** @throws FILES_PATH_INVALID, FILES_ROOT_UNKNOWN, FILES_READ_ONLY, FILES_TOO_DEEP */
export function locate(scope: FileScope, text: string, access: 'read' | 'write'): Located {
  const parsed = parseFilePath(text, scope.pathRules)
  // whoever calls without `checkInput` gets no further either
  if (!('path' in parsed)) throw filesErrors.FILES_PATH_INVALID({ path: shortened(text), problem: parsed.problem })
  const { root, segments } = parsed.path
  const path = formatFilePath(parsed.path)
  const grant = scope.roots.get(root)
  if (grant === undefined) throw filesErrors.FILES_ROOT_UNKNOWN({ path, roots: [...scope.roots.keys()] })
  if (access === 'write' && grant.options.mode === 'ro') throw filesErrors.FILES_READ_ONLY({ path, root })
  const { maxDepth } = scope.options
  if (segments.length > maxDepth) throw filesErrors.FILES_TOO_DEEP({ path, maxDepth })
  return { grant, path, segments }
}

/** As `locate`, for what has a name within its root. */
export function locateEntry(scope: FileScope, text: string, access: 'read' | 'write'): LocatedEntry {
  const located = locate(scope, text, access)
  const name = located.segments.at(-1)
  if (name !== undefined) return { ...located, parents: located.segments.slice(0, -1), name }
  throw filesErrors.FILES_PATH_INVALID({ path: located.path, problem: 'is the root itself; name something in it' })
}

/** Lends the directory until `work` has settled. */
export async function withDirectory<T>(
  { grant }: Located,
  segments: readonly string[],
  work: (directory: Directory) => T | Promise<T>,
): Promise<T> {
  const directory = grant.root.openDirectory(segments)
  try {
    return await work(directory)
  } finally {
    directory.close()
  }
}

const shownLength = 200
const shortened = (text: string): string => (text.length > shownLength ? `${text.slice(0, shownLength)}…` : text)
