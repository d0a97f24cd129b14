import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, type Stats } from 'node:fs'
import { join, sep } from 'node:path'
import { filesErrors } from '../errors.ts'
import { formatFilePath } from '../file-path.ts'
import { attempt } from '../io-error.ts'
import { checkDirectory, checkFile } from './check-kind.ts'
import type { Directory, FileAccess, OpenedFile, Root, RootRules } from './root.ts'

// where the system has no such flag it is undefined, which `|` takes for 0
const { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
const accessFlags = { read: O_RDONLY, append: O_WRONLY | O_APPEND }

/**
 * For systems without /proc/self/fd: looks where each path leads, acts, and where it can looks again. Links that lie
 * there are refused; a link that someone puts there between look and act is not always seen.
 */
export function openRealpathRoot(name: string, hostPath: string, rules: RootRules): Root {
  const real = realpathSync.native(hostPath)
  return new RealpathRoot(name, rules, real, lstatSync(real))
}

class RealpathRoot implements Root {
  readonly name: string
  readonly confinement = 'realpath'
  readonly rules: RootRules
  readonly real: string
  readonly #stats: Stats
  #isClosed = false

  constructor(name: string, rules: RootRules, real: string, stats: Stats) {
    this.name = name
    this.rules = rules
    this.real = real
    this.#stats = stats
  }

  openDirectory(segments: readonly string[]): Directory {
    const path = formatFilePath({ root: this.name, segments: [] })
    if (this.#isClosed) throw filesErrors.FILES_CLOSED({ path })
    this.confirm(path)
    let directory: Directory = new RealpathDirectory(this, this.real, path, this.#stats.dev)
    for (const segment of segments) directory = directory.openDirectory(segment)
    directory.confirm()
    return directory
  }

  /** Whether the root is still the directory that it was. */
  confirm(path: string): void {
    const stats = attempt(path, 'opening', () => lstatSync(this.real))
    if (!isSame(stats, this.#stats)) throw filesErrors.FILES_CHANGED({ path })
  }

  close(): void {
    this.#isClosed = true
  }
}

class RealpathDirectory implements Directory {
  readonly path: string
  readonly hostPath: string
  readonly device: number
  readonly #root: RealpathRoot

  constructor(root: RealpathRoot, hostPath: string, path: string, device: number) {
    this.#root = root
    this.hostPath = hostPath
    this.path = path
    this.device = device
  }

  hostPathOf(name: string): string {
    return join(this.hostPath, name)
  }

  pathOf(name: string): string {
    return this.path.endsWith('/') ? this.path + name : `${this.path}/${name}`
  }

  openDirectory(name: string): Directory {
    const path = this.pathOf(name)
    return attempt(path, 'opening', () => {
      const hostPath = this.hostPathOf(name)
      const stats = lstatSync(hostPath)
      checkDirectory(stats, path, this.device, this.#root.rules)
      return new RealpathDirectory(this.#root, hostPath, path, stats.dev)
    })
  }

  openFile(name: string, access: FileAccess): OpenedFile {
    const path = this.pathOf(name)
    return attempt(path, 'opening', () => {
      const hostPath = this.hostPathOf(name)
      // before it is opened, which for a device may do something
      checkFile(lstatSync(hostPath), path, this.device, this.#root.rules)
      const fd = openSync(hostPath, accessFlags[access] | O_NOFOLLOW | O_NONBLOCK)
      try {
        const stats = fstatSync(fd)
        checkFile(stats, path, this.device, this.#root.rules)
        this.confirm()
        if (!isSame(lstatSync(hostPath), stats)) throw filesErrors.FILES_CHANGED({ path })
        return { fd, stats }
      } catch (error) {
        closeSync(fd)
        throw error
      }
    })
  }

  confirm(): void {
    this.#root.confirm(this.path)
    const real = attempt(this.path, 'opening', () => realpathSync.native(this.hostPath))
    const { real: root } = this.#root
    const inside = root.endsWith(sep) ? root : root + sep
    if (real !== root && !real.startsWith(inside)) throw filesErrors.FILES_CHANGED({ path: this.path })
  }

  close(): void {
    // a path holds nothing open
  }
}

const isSame = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev
