import { lstatSync, statSync } from 'node:fs'
import * as z from 'zod'
import { defineCapability, visiblePath } from '../define-capability.ts'
import { entryInfoOf, entryInfoSchema } from '../entry-info.ts'
import { filePathSchema } from '../file-path-schema.ts'
import { type FileScope, locate, withDirectory } from '../file-scope.ts'
import { attempt } from '../io-error.ts'

export const statCapability = (scope: FileScope) =>
  defineCapability({
    summary: 'Tells what a path names, without following links.',
    effect: 'read',
    input: z.strictObject({ path: filePathSchema(scope.pathRules) }),
    output: entryInfoSchema.extend({ path: z.string() }),
    positional: ['path'],
    describeCall: ({ path }) => `look at ${visiblePath(path)}`,
    async handler({ path: text }, context) {
      const located = locate(scope, text, 'read')
      const { path, segments, grant } = located
      context.annotate({ confinement: grant.root.confinement })
      const name = segments.at(-1)
      return withDirectory(located, segments.slice(0, -1), (directory) => {
        const stats = attempt(path, 'looking', () =>
          // the root has no entry of its own; its descriptor is what was opened
          name === undefined ? statSync(directory.hostPath) : lstatSync(directory.hostPathOf(name)),
        )
        return { path, ...entryInfoOf(stats, grant.root.rules) }
      })
    },
  })
