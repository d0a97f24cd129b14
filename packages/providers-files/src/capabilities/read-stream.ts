import { closeSync } from 'node:fs'
import { capabilityReply } from '@capsule/provider-sdk'
import * as z from 'zod'
import { defineCapability, envelopeBytes, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { FileBody } from '../file-body.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, locateEntry, withDirectory } from '../file-scope.ts'

/** Unit: milliseconds. A reader may take its time; the cell's own deadline still holds. */
const streamTimeoutMs = 10 * 60_000

export const readStreamCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Reads a file, or a part of it, as a stream of bytes.',
    effect: 'read',
    input: z.strictObject({
      path: filePathSchema(scope.pathRules),
      offset: z.int().min(0).default(0).meta({ description: 'Bytes to skip.' }),
      length: z.int().min(0).optional().meta({ description: 'Bytes to read; fewer come at the end of the file.' }),
    }),
    output: z.strictObject({ path: z.string(), size: z.number() }),
    positional: ['path'],
    returns: 'body',
    limits: { outputBytes: scope.options.maxStreamBytes + envelopeBytes, timeoutMs: streamTimeoutMs },
    describeCall: ({ path }) => `read ${visiblePath(path)}`,
    async handler({ path: text, offset, length }, context) {
      const { signal, limits } = context
      const entry = locateEntry(scope, text, 'read')
      const { path } = entry
      const limitBytes = Math.max(Math.min(scope.options.maxStreamBytes, limits.outputBytes - envelopeBytes), 0)
      const change = 'read parts with offset and length (maxStreamBytes)'
      const { streams } = scope
      const giveBack = await streams.takePlace(path)
      try {
        return await withDirectory(entry, entry.parents, (directory) => {
          const { fd, stats } = directory.openFile(entry.name, 'read')
          const bytes = Math.min(Math.max(stats.size - offset, 0), length ?? stats.size)
          if (bytes > limitBytes) {
            closeSync(fd)
            throw filesErrors.FILES_TOO_LARGE({ path, bytes, limitBytes, change })
          }
          // owns the file from here on: it is closed when the call is aborted, or the provider disposed
          const body = new FileBody({ fd, path, size: stats.size, offset, length, limitBytes, signal, streams })
          context.annotate({ bytes, confinement: entry.grant.root.confinement })
          return capabilityReply({ path, size: stats.size }, body)
        })
      } finally {
        giveBack()
      }
    },
  })
