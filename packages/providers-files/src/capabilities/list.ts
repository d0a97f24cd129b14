import { lstatSync, type Stats } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { defineCapability, visiblePath } from '../define-capability.ts'
import { entryInfoOf, entryInfoSchema } from '../entry-info.ts'
import { filesErrors } from '../errors.ts'
import { nameProblem } from '../file-path.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, locate, withDirectory } from '../file-scope.ts'
import { attempt, attemptAsync } from '../io-error.ts'
import type { Directory, RootRules } from '../root/root.ts'

export const listCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Lists a directory page by page, in the order of its names.',
    effect: 'read',
    input: z.strictObject({
      path: filePathSchema(scope.pathRules),
      cursor: z.string().max(scope.options.maxNameBytes).optional().meta({ description: 'Of the page before.' }),
      limit: z.int().min(1).max(scope.options.maxEntries).default(scope.options.maxEntries),
    }),
    output: z.strictObject({
      entries: z.array(entryInfoSchema.extend({ name: z.string() })),
      cursor: z.string().optional().meta({ description: 'Gives the next page; missing on the last one.' }),
      omitted: z.number().meta({ description: 'Entries of the directory whose names no path can hold.' }),
    }),
    positional: ['path'],
    describeCall: ({ path }) => `list ${visiblePath(path)}`,
    async handler({ path: text, cursor, limit }, context) {
      const { signal } = context
      const located = locate(scope, text, 'read')
      const { grant, segments } = located
      return withDirectory(located, segments, async (directory) => {
        const { names, hasMore, omitted } = await firstNames(scope, directory, { after: cursor, limit, signal })
        directory.confirm()
        const entries = names.flatMap((name) => entryOf(directory, name, grant.root.rules))
        context.annotate({ entries: entries.length, confinement: grant.root.confinement })
        return { entries, omitted, ...(hasMore && { cursor: names.at(-1) }) }
      })
    },
  })

interface Page {
  readonly after: string | undefined
  readonly limit: number
  readonly signal: AbortSignal
}

interface Names {
  readonly names: readonly string[]
  readonly hasMore: boolean
  readonly omitted: number
}

/** The first names after the cursor. Holds about two pages of names, however many the directory has. */
async function firstNames(scope: FileScope, directory: Directory, { after, limit, signal }: Page): Promise<Names> {
  const { path } = directory
  const { maxDirectoryEntries } = scope.options
  let names: string[] = []
  let seen = 0
  let omitted = 0
  let hasMore = false
  const keepFirst = (): void => {
    // by code unit, which no locale changes: a cursor means the same on the next call
    names.sort()
    hasMore ||= names.length > limit
    names = names.slice(0, limit)
  }
  await attemptAsync(path, 'listing', async () => {
    for await (const { name } of await opendir(directory.hostPath, { bufferSize: 256 })) {
      throwIfAborted(signal, 'the list')
      seen += 1
      if (seen > maxDirectoryEntries) {
        const change = 'use smaller directories, or let the host raise maxDirectoryEntries'
        throw filesErrors.FILES_TOO_MANY_ENTRIES({ path, limit: maxDirectoryEntries, change })
      }
      if (!isNameable(scope, directory, name)) omitted += 1
      else if (after === undefined || name > after) names.push(name)
      if (names.length > 2 * limit) keepFirst()
    }
  })
  keepFirst()
  return { names, hasMore, omitted }
}

function isNameable(scope: FileScope, directory: Directory, name: string): boolean {
  if (nameProblem(name, scope.pathRules) !== undefined) return false
  // what stands for bytes that are no UTF-8; a name may also really have it
  return !name.includes('\ufffd') || lstatOf(directory, name) !== undefined
}

function lstatOf(directory: Directory, name: string): Stats | undefined {
  return attempt(directory.pathOf(name), 'listing', () =>
    lstatSync(directory.hostPathOf(name), { throwIfNoEntry: false }),
  )
}

/** None if it is gone by now. */
function entryOf(directory: Directory, name: string, rules: RootRules) {
  const stats = lstatOf(directory, name)
  return stats === undefined ? [] : [{ name, ...entryInfoOf(stats, rules) }]
}
