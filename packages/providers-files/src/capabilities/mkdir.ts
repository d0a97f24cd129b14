import { lstatSync, mkdirSync } from 'node:fs'
import { throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { defineCapability, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, type Located, locateEntry } from '../file-scope.ts'
import { attempt, codeOf, ioError } from '../io-error.ts'
import type { Directory } from '../root/root.ts'

export const mkdirCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Makes a directory; with `recursive` also what is missing above it.',
    input: z.strictObject({ path: filePathSchema(scope.pathRules), recursive: z.boolean().default(false) }),
    output: z.strictObject({ created: z.number().meta({ description: 'How many directories were made.' }) }),
    positional: ['path'],
    describeCall: ({ path }) => `make the directory ${visiblePath(path)}`,
    handler({ path: text, recursive }, context) {
      const { signal } = context
      const entry = locateEntry(scope, text, 'write')
      const { grant, segments, parents, name } = entry
      throwIfAborted(signal, 'the mkdir')
      context.annotate({ confinement: grant.root.confinement })
      if (recursive) return { created: makeAll(entry, segments) }
      const directory = grant.root.openDirectory(parents)
      try {
        if (!makeOne(entry, directory, name)) throw filesErrors.FILES_EXISTS({ path: entry.path })
        return { created: 1 }
      } finally {
        directory.close()
      }
    },
  })

function makeAll(located: Located, segments: readonly string[]): number {
  let directory = located.grant.root.openDirectory([])
  let created = 0
  try {
    for (const segment of segments) {
      if (makeOne(located, directory, segment)) created += 1
      const parent = directory
      // refuses what is there and is no directory
      directory = parent.openDirectory(segment)
      parent.close()
    }
    return created
  } finally {
    directory.close()
  }
}

/** Whether it was missing. */
function makeOne({ grant }: Located, directory: Directory, name: string): boolean {
  const path = directory.pathOf(name)
  const hostPath = directory.hostPathOf(name)
  directory.confirm()
  // what is there takes nothing of the quota
  if (attempt(path, 'creating', () => lstatSync(hostPath, { throwIfNoEntry: false })) !== undefined) return false
  grant.quota.takeEntry(path)
  try {
    mkdirSync(hostPath, grant.options.directoryMode)
    return true
  } catch (error) {
    grant.quota.giveBackEntry()
    if (codeOf(error) === 'EEXIST') return false
    throw ioError(error, path, 'creating')
  }
}
