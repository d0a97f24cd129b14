import { mkdirSync, statSync } from 'node:fs'
import { type CapabilityProvider, defineProvider, isCapsuleError } from '@capsule/provider-sdk'
import { appendCapability } from './capabilities/append.ts'
import { infoCapability } from './capabilities/info.ts'
import { listCapability } from './capabilities/list.ts'
import { mkdirCapability } from './capabilities/mkdir.ts'
import { readStreamCapability } from './capabilities/read-stream.ts'
import { readCapability } from './capabilities/read.ts'
import { removeCapability } from './capabilities/remove.ts'
import { statCapability } from './capabilities/stat.ts'
import { writeCapability } from './capabilities/write.ts'
import type { FileScope, GrantedRoot } from './file-scope.ts'
import { codeOf } from './io-error.ts'
import { createOpenFiles } from './open-files.ts'
import {
  type FilesOptions,
  invalidOptions,
  parseOptions,
  type ResolvedFilesOptions,
  type ResolvedRootOptions,
} from './options.ts'
import { createQuota } from './quota.ts'
import { chooseConfinement, openRoot } from './root/open-root.ts'
import type { Confinement } from './root/root.ts'

/**
 * The provider `files`: files and directories within named roots, and nothing else of the host's file system.
 * @throws INVALID_OPTIONS, also for a root that is not there; FILES_CONFINEMENT_UNAVAILABLE
 */
export function files(options: FilesOptions): CapabilityProvider {
  const resolved = parseOptions(options)
  const roots = openRoots(resolved)
  const streams = createOpenFiles(resolved.maxOpenStreams)
  const { maxNameBytes } = resolved
  const pathRules = { rootNames: [...roots.keys()], maxNameBytes, platform: process.platform }
  const scope: FileScope = { roots, options: resolved, pathRules, streams }
  return defineProvider({
    name: 'files',
    specificationVersion: 'v1',
    capabilities: {
      read: readCapability(scope),
      readStream: readStreamCapability(scope),
      write: writeCapability(scope),
      append: appendCapability(scope),
      list: listCapability(scope),
      stat: statCapability(scope),
      remove: removeCapability(scope),
      mkdir: mkdirCapability(scope),
      info: infoCapability(scope),
    },
    async dispose() {
      closeRoots(roots)
      await streams.close()
    },
  })
}

function openRoots(options: ResolvedFilesOptions): Map<string, GrantedRoot> {
  const confinement = chooseConfinement(options.confinement, process.platform)
  const roots = new Map<string, GrantedRoot>()
  try {
    for (const [name, root] of Object.entries(options.roots)) roots.set(name, openGranted(name, root, confinement))
    return roots
  } catch (error) {
    closeRoots(roots)
    throw error
  }
}

function openGranted(name: string, options: ResolvedRootOptions, confinement: Confinement): GrantedRoot {
  const { path, create, directoryMode, hardLinks, mounts } = options
  try {
    if (create) mkdirSync(path, { recursive: true, mode: directoryMode })
    // a path of the host's own, so links in it may be followed: from here on nobody walks it again
    if (!statSync(path).isDirectory()) throw invalidOptions([`roots.${name}.path: ${path} is not a directory`])
    const root = openRoot(name, path, { hardLinks, mounts }, confinement)
    return { root, options, quota: createQuota(name, options) }
  } catch (error) {
    if (isCapsuleError(error)) throw error
    const hint = codeOf(error) === 'ENOENT' ? "; make it, or pass 'create: true'" : ''
    throw invalidOptions([`roots.${name}.path: ${path} cannot be opened (${codeOf(error) ?? String(error)})${hint}`])
  }
}

function closeRoots(roots: ReadonlyMap<string, GrantedRoot>): void {
  for (const { root } of roots.values()) root.close()
}
