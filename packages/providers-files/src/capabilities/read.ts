import { closeSync } from 'node:fs'
import * as z from 'zod'
import { defineCapability, envelopeBytes, visiblePath } from '../define-capability.ts'
import { filesErrors } from '../errors.ts'
import { readFully } from '../file-io.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, locateEntry, withDirectory } from '../file-scope.ts'
import { attemptAsync } from '../io-error.ts'
import type { OpenedFile } from '../root/root.ts'

const change = 'read parts with offset and length, or use readStream (maxReadBytes)'

export const readCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Reads a file, or a part of it, as bytes or as UTF-8 text.',
    effect: 'read',
    input: z.strictObject({
      path: filePathSchema(scope.pathRules),
      encoding: z.enum(['bytes', 'utf8', 'utf-8']).default('bytes'),
      offset: z.int().min(0).default(0).meta({ description: 'Bytes to skip.' }),
      length: z.int().min(0).optional().meta({ description: 'Bytes to read; fewer come at the end of the file.' }),
    }),
    output: z.union([z.string(), z.instanceof(Uint8Array)]),
    positional: ['path', 'encoding'],
    limits: { outputBytes: scope.options.maxReadBytes + envelopeBytes },
    describeCall: ({ path }) => `read ${visiblePath(path)}`,
    async handler({ path: text, encoding, offset, length }, context) {
      const { signal, limits } = context
      const entry = locateEntry(scope, text, 'read')
      const { path } = entry
      // a grant may have lowered what the call may bring
      const limitBytes = Math.max(Math.min(scope.options.maxReadBytes, limits.outputBytes - envelopeBytes), 0)
      if (length !== undefined && length > limitBytes) {
        throw filesErrors.FILES_TOO_LARGE({ path, bytes: length, limitBytes, change })
      }
      const file = await withDirectory(entry, entry.parents, (directory) => directory.openFile(entry.name, 'read'))
      try {
        const part = { path, offset, length, limitBytes }
        const bytes = await attemptAsync(path, 'reading', () => readPart(file, part, signal))
        context.annotate({ bytes: bytes.length, confinement: entry.grant.root.confinement })
        return encoding === 'bytes' ? bytes : decoded(bytes, path)
      } finally {
        closeSync(file.fd)
      }
    },
  })

interface Part {
  readonly path: string
  readonly offset: number
  readonly length: number | undefined
  readonly limitBytes: number
}

/** Trusts no size: files grow while they are read, and those of /proc say that they have none. */
async function readPart({ fd, stats }: OpenedFile, part: Part, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const { path, offset, length, limitBytes } = part
  const expected = Math.max(stats.size - offset, 0)
  const refuse = (bytes: number): never => {
    throw filesErrors.FILES_TOO_LARGE({ path, bytes, limitBytes, change })
  }
  if (length === undefined && expected > limitBytes) refuse(expected)
  // one more than is allowed, so that more than that is seen
  const wanted = length ?? limitBytes + 1
  let bytes = new Uint8Array(Math.min(wanted, expected + 1))
  let filled = 0
  for (;;) {
    filled += await readFully(fd, bytes.subarray(filled), { position: offset + filled, size: stats.size, signal })
    if (filled < bytes.length || filled === wanted) break
    const larger = new Uint8Array(Math.min(wanted, Math.max(2 * filled, firstGuessBytes)))
    larger.set(bytes)
    bytes = larger
  }
  if (length === undefined && filled > limitBytes) refuse(filled)
  return bytes.subarray(0, filled)
}

const firstGuessBytes = 4096

function decoded(bytes: Uint8Array, path: string): string {
  try {
    // a byte order mark is part of the text: what is written back is what was read
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw filesErrors.FILES_NOT_TEXT({ path })
  }
}
