import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callCapability } from '@capsule/provider-sdk/testing'
import type { CapabilityContext, CapabilityProvider } from '@capsule/provider-sdk'
import { onTestFinished } from 'vitest'
import { files, type FilesOptions, type FilesRootOptions } from '../src/index.ts'

/** A directory that is given as a root, and one beside it that nobody may reach. */
export interface Tree {
  readonly root: string
  readonly outside: string
  /** Writes files by their paths in the root; a path that ends with `/` is a directory. */
  add(entries: Readonly<Record<string, string>>): void
  /** A provider with the root `data`, which is disposed at the end of the test. */
  provide(root?: Partial<FilesRootOptions>, options?: Omit<FilesOptions, 'roots'>): CapabilityProvider
  /** Descriptors of this process that are open in the tree. */
  countOpen(): number
}

export const secret = 'the secret'

export function createTree(): Tree {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'capsule-files-')))
  const [root, outside] = [join(base, 'root'), join(base, 'outside')]
  mkdirSync(root)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.txt'), secret)
  const release = (): void => rmSync(base, { recursive: true, force: true })
  onTestFinished(release)
  return {
    root,
    outside,
    add(entries) {
      for (const [path, text] of Object.entries(entries)) {
        const full = join(root, path)
        mkdirSync(path.endsWith('/') ? full : join(full, '..'), { recursive: true })
        if (!path.endsWith('/')) writeFileSync(full, text)
      }
    },
    provide(rootOptions, options) {
      const provider = files({ roots: { data: { path: root, mode: 'rw', ...rootOptions } }, ...options })
      onTestFinished(() => provider[Symbol.asyncDispose]())
      return provider
    },
    countOpen: () => countOpen(base),
  }
}

/** Descriptors of this process that are open below a path. */
export function countOpen(base: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(base)
    } catch {
      // the one that read the directory
      return false
    }
  }).length
}

/** The value of one call, as a cell gets it. */
export async function call<Value = unknown>(
  provider: CapabilityProvider,
  name: string,
  ...args: readonly unknown[]
): Promise<Value> {
  return (await callCapability<Value>(provider, name, args)).value
}

/** Calls the handler itself: settles when that does, where a cell's call settles as soon as it is aborted. */
export async function invoke(
  provider: CapabilityProvider,
  name: string,
  input: Readonly<Record<string, unknown>>,
  context: Pick<CapabilityContext, 'signal'> & Partial<CapabilityContext>,
): Promise<unknown> {
  const capability = provider.capabilities[name]
  const checked = capability?.checkInput(input)
  if (!checked?.isValid) throw new Error(checked?.problems.join('; '))
  return capability?.invoke(checked.value, {
    limits: { outputBytes: Infinity },
    annotate: () => {},
    ...context,
  } as CapabilityContext)
}

/** The code of the error of one call. */
export function codeOf(calling: Promise<unknown>): Promise<string> {
  return calling.then(
    (value) => `no error: ${String(value)}`,
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  )
}
