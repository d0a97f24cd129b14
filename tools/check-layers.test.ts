import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const repository = join(import.meta.dirname, '..')
const skipped = new Set(['node_modules', 'dist', '.bundle', '.pack'])
let copy: string

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'capsule-layers-'))
  for (const folder of ['packages', 'apps'])
    cpSync(join(repository, folder), join(copy, folder), {
      recursive: true,
      filter: (path) => !skipped.has(basename(path)) && !basename(path).startsWith('.bundle'),
    })
})
afterEach(() => rmSync(copy, { recursive: true, force: true }))

function check(): { status: number | null; stderr: string } {
  const script = join(repository, 'tools/check-layers.mjs')
  return spawnSync(process.execPath, [script, copy], { encoding: 'utf8', env: {}, timeout: 10_000 })
}

type Manifest = { dependencies: Record<string, string>; nx: { tags: string[] } }
function editManifest(folder: string, edit: (manifest: Manifest) => void): void {
  const file = join(copy, folder, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  edit(manifest)
  writeFileSync(file, JSON.stringify(manifest))
}
const depend = (folder: string, dependency: string): void =>
  editManifest(folder, ({ dependencies }) => (dependencies[dependency] = 'workspace:^'))
const addSource = (file: string, text: string): void => appendFileSync(join(copy, file), `\n${text}\n`)

describe('check-layers', () => {
  it('finds nothing in the workspace as it is', () => {
    expect(check()).toMatchObject({ status: 0, stderr: '' })
  })

  it.each([
    [
      'an upward edge',
      'packages/core',
      '@capsule/protocol',
      '@capsule/core (layer 0) must not depend on @capsule/protocol (layer 1)',
    ],
    [
      'a same-layer edge',
      'packages/executor',
      '@capsule/namespace',
      '@capsule/executor (layer 2) must not depend on @capsule/namespace (layer 2)',
    ],
    [
      'a host package that depends on the worker side',
      'packages/session',
      '@capsule/namespace',
      '@capsule/session (side host) must not depend on @capsule/namespace (side worker)',
    ],
    [
      'a shared package that depends on one side',
      'packages/testing',
      '@capsule/executor',
      '@capsule/testing (side shared) must not depend on @capsule/executor (side worker)',
    ],
  ])('reports %s', (_, folder, dependency, message) => {
    depend(folder, dependency)
    const { status, stderr } = check()
    expect(stderr).toContain(message)
    expect(status).toBe(1)
  })

  it('lets a composition root know the worker', () => {
    editManifest('packages/session', ({ nx }) => nx.tags.push('root:composition'))
    depend('packages/session', '@capsule/namespace')
    expect(check()).toMatchObject({ status: 0 })
  })

  it('reports a package without tags', () => {
    editManifest('packages/core', ({ nx }) => (nx.tags = []))
    expect(check().stderr).toContain('@capsule/core: needs exactly one "layer:N" tag')
  })

  it.each([
    ['an undeclared import', "import '@capsule/worker'", '@capsule/worker is not declared in package.json'],
    [
      'an undeclared import over several lines',
      "import {\n  workerEntry,\n} from '@capsule/worker'",
      '@capsule/worker is not declared',
    ],
    [
      'a deep import past exports',
      "export * from '@capsule/protocol/src/messages.ts'",
      '@capsule/protocol does not export it',
    ],
    ['a deep dynamic import', "void import('@capsule/core/dist/index.js')", '@capsule/core does not export it'],
    ['a path into another package', "import '../../worker/src/entry.ts'", 'leaves the package'],
  ])('reports %s', (_, source, message) => {
    addSource('packages/session/src/index.ts', source)
    const { status, stderr } = check()
    expect(stderr).toContain(`packages/session/src/index.ts: `)
    expect(stderr).toContain(message)
    expect(status).toBe(1)
  })
})
