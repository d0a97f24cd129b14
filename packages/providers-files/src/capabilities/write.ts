import { lstatSync, type Stats } from 'node:fs'
import { throwIfAborted } from '@capsule/core'
import { streamable } from '@capsule/provider-sdk'
import * as z from 'zod'
import { bytesOf, dataSchema, piecesOf } from '../file-data.ts'
import { defineCapability, envelopeBytes, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, type LocatedEntry, locateEntry, withDirectory } from '../file-scope.ts'
import { attempt } from '../io-error.ts'
import { NewFile } from '../new-file.ts'
import { kindOf } from '../root/check-kind.ts'
import type { Directory } from '../root/root.ts'

/** Unit: milliseconds. The cell may stream what it writes. */
const writeTimeoutMs = 10 * 60_000

export const writeCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Writes a whole file at once: nobody sees it half written, and a write that fails leaves nothing.',
    input: z.strictObject({
      path: filePathSchema(scope.pathRules),
      data: streamable(dataSchema),
      ifExists: z.enum(['replace', 'fail']).default('replace'),
    }),
    output: z.strictObject({ bytes: z.number() }),
    positional: ['path', 'data'],
    bodyField: 'data',
    limits: { inputBytes: scope.options.maxWriteBytes + envelopeBytes, timeoutMs: writeTimeoutMs },
    describeCall({ path, data, ifExists }) {
      const size = typeof data === 'symbol' ? 'a stream' : `${bytesOf(data).length} bytes`
      return `write ${size} to ${visiblePath(path)}${ifExists === 'replace' ? ', replacing what is there' : ''}`
    },
    async handler({ path: text, data, ifExists }, context) {
      const { body, signal } = context
      const entry = locateEntry(scope, text, 'write')
      const bytes = await withDirectory(entry, entry.parents, (directory) =>
        writeEntry(scope, { entry, directory, ifExists, pieces: piecesOf(data, { body, signal }), signal }),
      )
      context.annotate({ bytes, confinement: entry.grant.root.confinement })
      return { bytes }
    },
  })

interface EntryWrite {
  readonly entry: LocatedEntry
  readonly directory: Directory
  readonly ifExists: 'replace' | 'fail'
  readonly pieces: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

async function writeEntry(scope: FileScope, write: EntryWrite): Promise<number> {
  const { entry, directory, ifExists, pieces, signal } = write
  const { name, path } = entry
  const { quota, options } = entry.grant
  const existing = checkTarget(directory, name, ifExists)
  const mode = existing === undefined ? options.fileMode : existing.mode & 0o777
  throwIfAborted(signal, 'the write')
  if (existing === undefined) quota.takeEntry(path)
  let bytes = 0
  let file: NewFile | undefined
  try {
    file = new NewFile({ directory, name, mode, isModeExact: existing !== undefined, fsync: scope.options.fsync })
    for await (const piece of pieces) {
      checkSize(path, bytes + piece.length, scope.options.maxWriteBytes)
      quota.takeBytes(piece.length, path)
      bytes += piece.length
      await file.write(piece, signal)
    }
    throwIfAborted(signal, 'the write')
    await file.publish(ifExists)
    return bytes
  } finally {
    await file?.discard()
    if (file?.isPublished !== true) {
      quota.giveBackBytes(bytes)
      if (existing === undefined) quota.giveBackEntry()
    }
  }
}

/** What is to be replaced. A link that someone puts there later is replaced itself; what it points to stays as it is. */
function checkTarget(directory: Directory, name: string, ifExists: 'replace' | 'fail'): Stats | undefined {
  const path = directory.pathOf(name)
  const stats = attempt(path, 'looking', () => lstatSync(directory.hostPathOf(name), { throwIfNoEntry: false }))
  if (stats === undefined) return undefined
  if (ifExists === 'fail') throw filesErrors.FILES_EXISTS({ path })
  if (stats.isSymbolicLink()) throw filesErrors.FILES_LINK_REFUSED({ path, kind: 'symbolic link' })
  if (!stats.isFile()) throw filesErrors.FILES_NOT_A_FILE({ path, kind: kindOf(stats) })
  return stats
}

/** @throws FILES_TOO_LARGE */
export function checkSize(path: string, bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return
  const change = 'write less at once, or let the host raise maxWriteBytes'
  throw filesErrors.FILES_TOO_LARGE({ path, bytes, limitBytes, change })
}
