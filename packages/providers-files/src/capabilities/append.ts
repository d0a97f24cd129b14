import { constants, openSync } from 'node:fs'
import { throwIfAborted } from '@capsule/core'
import * as z from 'zod'
import { defineCapability, envelopeBytes, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { bytesOf, dataSchema } from '../file-data.ts'
import { closeFile, syncFile, writeFully } from '../file-io.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, type LocatedEntry, locateEntry, withDirectory } from '../file-scope.ts'
import { attemptAsync, codeOf, ioError } from '../io-error.ts'
import type { Directory } from '../root/root.ts'
import { checkSize } from './write.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants

export const appendCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Adds to the end of a file, which it makes when it is missing.',
    // no stream: data is there as a whole before the first byte of it is written
    input: z.strictObject({ path: filePathSchema(scope.pathRules), data: dataSchema }),
    output: z.strictObject({ bytes: z.number() }),
    positional: ['path', 'data'],
    limits: { inputBytes: scope.options.maxWriteBytes + envelopeBytes },
    describeCall: ({ path, data }) => `append ${bytesOf(data).length} bytes to ${visiblePath(path)}`,
    async handler({ path: text, data }, context) {
      const { signal } = context
      const entry = locateEntry(scope, text, 'write')
      const { path } = entry
      const { quota, root } = entry.grant
      const bytes = bytesOf(data)
      checkSize(path, bytes.length, scope.options.maxWriteBytes)
      throwIfAborted(signal, 'the append')
      const fd = await withDirectory(entry, entry.parents, (directory) => openForAppend(directory, entry))
      try {
        quota.takeBytes(bytes.length, path)
        await attemptAsync(path, 'writing', async () => {
          await writeFully(fd, bytes, signal)
          if (scope.options.fsync) await syncFile(fd)
        })
      } finally {
        await closeFile(fd)
      }
      context.annotate({ bytes: bytes.length, confinement: root.confinement })
      return { bytes: bytes.length }
    },
  })

/** Someone else may make the file, or take it away, between two looks. */
const maxAttempts = 4

function openForAppend(directory: Directory, { name, path, grant }: LocatedEntry): number {
  for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
    try {
      return directory.openFile(name, 'append').fd
    } catch (error) {
      if (!filesErrors.FILES_NOT_FOUND.is(error)) throw error
    }
    const fd = createForAppend(directory, name, path, grant)
    if (fd !== undefined) return fd
  }
  throw filesErrors.FILES_CHANGED({ path })
}

/** Nothing if it is there by now. */
function createForAppend(
  directory: Directory,
  name: string,
  path: string,
  { quota, options }: LocatedEntry['grant'],
): number | undefined {
  quota.takeEntry(path)
  try {
    directory.confirm()
    return openSync(directory.hostPathOf(name), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, options.fileMode)
  } catch (error) {
    quota.giveBackEntry()
    if (codeOf(error) === 'EEXIST') return undefined
    throw ioError(error, path, 'creating')
  }
}
