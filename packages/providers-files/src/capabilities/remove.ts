import { lstatSync } from 'node:fs'
import { opendir, rmdir, unlink } from 'node:fs/promises'
import { throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { defineCapability, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, locateEntry, withDirectory } from '../file-scope.ts'
import { attempt, attemptAsync, codeOf, ioError } from '../io-error.ts'
import type { Directory } from '../root/root.ts'

/** Unit: milliseconds. A large tree takes its time. */
const removeTimeoutMs = 2 * 60_000

export const removeCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Removes a file, a link itself, or a directory; with `recursive` also what is in it.',
    input: z.strictObject({ path: filePathSchema(scope.pathRules), recursive: z.boolean().default(false) }),
    output: z.strictObject({ removed: z.number().meta({ description: 'How many entries were removed.' }) }),
    positional: ['path'],
    limits: { timeoutMs: removeTimeoutMs },
    describeCall: ({ path, recursive }) => `remove ${visiblePath(path)}${recursive ? ' and all that is in it' : ''}`,
    async handler({ path: text, recursive }, context) {
      const { signal } = context
      const entry = locateEntry(scope, text, 'write')
      const removal = new Removal(scope, signal, recursive)
      try {
        await withDirectory(entry, entry.parents, (directory) =>
          removal.remove(directory, entry.name, entry.segments.length),
        )
        return { removed: removal.removed }
      } finally {
        context.annotate({ removed: removal.removed, confinement: entry.grant.root.confinement })
      }
    },
  })

class Removal {
  removed = 0
  readonly #scope: FileScope
  readonly #signal: AbortSignal
  readonly #isRecursive: boolean

  constructor(scope: FileScope, signal: AbortSignal, isRecursive: boolean) {
    this.#scope = scope
    this.#signal = signal
    this.#isRecursive = isRecursive
  }

  /** Takes names away, and never what a link points to: none of these calls follows one. */
  async remove(parent: Directory, name: string, depth: number): Promise<void> {
    throwIfAborted(this.#signal, 'the remove')
    const path = parent.pathOf(name)
    const hostPath = parent.hostPathOf(name)
    parent.confirm()
    const isDirectory = attempt(path, 'removing', () => lstatSync(hostPath)).isDirectory()
    if (isDirectory) await this.#removeDirectory(parent, name, depth)
    else {
      this.#checkCount(path)
      await attemptAsync(path, 'removing', () => unlink(hostPath).catch(changedIf(path, isDirectoryCodes)))
    }
    this.removed += 1
  }

  async #removeDirectory(parent: Directory, name: string, depth: number): Promise<void> {
    const path = parent.pathOf(name)
    for (let passes = 1; ; passes += 1) {
      if (this.#isRecursive) await this.#empty(parent, name, depth)
      this.#checkCount(path)
      try {
        await rmdir(parent.hostPathOf(name)).catch(changedIf(path, isNoDirectoryCodes))
        return
      } catch (error) {
        // some file systems skip entries while others are removed, and someone may add some
        const mayRetry = this.#isRecursive && passes < maxPasses && codeOf(error) === 'ENOTEMPTY'
        if (!mayRetry) throw ioError(error, path, 'removing')
      }
    }
  }

  async #empty(parent: Directory, name: string, depth: number): Promise<void> {
    const directory = parent.openDirectory(name)
    const { path } = directory
    const { maxDepth } = this.#scope.options
    try {
      // each level holds descriptors
      if (depth > maxDepth) throw filesErrors.FILES_TOO_DEEP({ path, maxDepth })
      await attemptAsync(path, 'removing', async () => {
        for await (const entry of await opendir(directory.hostPath)) {
          await this.remove(directory, entry.name, depth + 1).catch(unlessGone(directory.pathOf(entry.name)))
        }
      })
    } finally {
      directory.close()
    }
  }

  #checkCount(path: string): void {
    const { maxRemovedEntries: limit } = this.#scope.options
    if (this.removed < limit) return
    const change = `${limit} are removed: call again for more, or let the host raise maxRemovedEntries`
    throw filesErrors.FILES_TOO_MANY_ENTRIES({ path, limit, change })
  }
}

const maxPasses = 3

// macOS says EPERM
const isDirectoryCodes = process.platform === 'linux' ? ['EISDIR'] : ['EISDIR', 'EPERM']
const isNoDirectoryCodes = ['ENOTDIR']

/** It was a directory a moment ago and is none any more, or the other way round. */
const changedIf =
  (path: string, codes: readonly string[]) =>
  (error: unknown): never => {
    throw codes.includes(codeOf(error) ?? '') ? filesErrors.FILES_CHANGED({ path }) : error
  }

/** What someone else removed meanwhile is as it should be. */
const unlessGone =
  (path: string) =>
  (error: unknown): void => {
    if (!(filesErrors.FILES_NOT_FOUND.is(error) && error.details.path === path)) throw error
  }
