import * as z from 'zod'
import { defineCapability } from '../define-capability.ts'
import type { FileScope } from '../file-scope.ts'

export const infoCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Tells which roots there are, what may be done in them, and how they are confined.',
    effect: 'read',
    input: z.strictObject({}),
    output: z.strictObject({
      roots: z.array(
        z.strictObject({
          name: z.string(),
          mode: z.enum(['ro', 'rw']),
          confinement: z.enum(['descriptors', 'realpath']),
        }),
      ),
      maxReadBytes: z.number(),
      maxWriteBytes: z.number(),
      maxEntries: z.number(),
      maxDepth: z.number(),
    }),
    describeCall: () => 'tell which roots of files there are',
    handler() {
      const { maxReadBytes, maxWriteBytes, maxEntries, maxDepth } = scope.options
      const roots = [...scope.roots].map(([name, { options, root }]) => ({
        name,
        mode: options.mode,
        confinement: root.confinement,
      }))
      return { roots, maxReadBytes, maxWriteBytes, maxEntries, maxDepth }
    },
  })
